// `holdfast recover --gone ID`: an operator's word that a process is gone for good, so that what it wrote to its
// disk may be recovered although its address does not answer (D4).

import type { MessageOf } from '../wire/messages.ts'
import { type Command, json, reaching, show, text } from './arguments.ts'
import { meetViewServer } from './ask.ts'
import { Failure, UsageError } from './failure.ts'
import { print, printJson } from './output.ts'

const options = {
  gone: text('ID', 'the server whose process will never run again, as status names it'),
  ...reaching,
  ...json,
}

export const command: Command<typeof options> = {
  usage: 'recover --gone ID [options]',
  does: 'clusters on disk: say that a server is gone for good',
  more: `After a loss of power the state is recovered without this command. Only if the machine of a server
neither answers nor refuses, and its disk is in another machine now, does status ask for it. If that
process runs after all, it may go on answering while the recovered one answers, too.`,
  options,
  names: [],
  async run({ values }) {
    const { gone } = values
    if (gone === undefined)
      throw new UsageError(
        'recover needs --gone ID, the server that is gone for good; holdfast status names it',
      )
    if (!/^[0-9a-f]{32}$/.test(gone))
      throw new UsageError(`--gone takes the whole id of a server, 32 hexadecimal digits, not ${show(gone)}`)
    using peer = await meetViewServer(values)
    let answer: MessageOf<'viewToClient', 'gone-noted' | 'gone-refused'> | undefined
    await peer.ask(['gone', 1, gone], message => {
      const said = message as MessageOf<'viewToClient'>
      if (said[0] === 'gone-noted' || said[0] === 'gone-refused') answer = said
      return answer !== undefined
    })
    if (answer?.[0] !== 'gone-noted') throw new Failure(`recover refused: ${answer?.[2] ?? 'no answer'}`)
    if (values.json) printJson({ gone })
    else print(answer[2])
    return 0
  },
}
