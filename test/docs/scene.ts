// Runs the commands of one file in their order, as one reader types them into one shell: in a network and a process tree of
// their own, where 10.0.0.1 to 10.0.0.3 and the machine `a` are this one, and /var/lib is empty. Nothing outlives it.

import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { within } from '../fixtures/deadline.ts'

export interface Step {
  /** As in "README.md:48". */
  readonly at: string
  readonly text: string
}

export interface Done extends Step {
  readonly code: number
  readonly ms: number
  readonly said: string
}

/** What a reader puts in for … and for the names of files. */
const secret = 'a long text that is the secret'

/** No step takes longer. */
const stepSeconds = 30
const sceneMs = 180_000

const sandbox = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']

/** `command`: the file that `holdfast` stands for. `project`: the folder to be in, with what it has installed. */
export async function play(steps: readonly Step[], command: string, project: string): Promise<Done[]> {
  const work = mkdtempSync(join(tmpdir(), 'holdfast-docs-'))
  try {
    mkdirSync(join(work, 'bin'))
    symlinkSync(command, join(work, 'bin/holdfast'))
    writeFileSync(join(work, 'hosts'), '127.0.0.1 localhost a\n')
    writeFileSync(join(work, 'scene.sh'), scriptOf(steps, work, project))
    await run(work)
    return steps.map((step, i) => doneOf(step, i, work))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function doneOf(step: Step, i: number, work: string): Done {
  const read = (name: string) => {
    try {
      return readFileSync(join(work, `${i}.${name}`), 'utf8')
    } catch {
      return ''
    }
  }
  const code = read('code')
  return { ...step, code: code === '' ? 125 : Number(code), ms: Number(read('ms')), said: read('said') }
}

async function run(work: string): Promise<void> {
  const { PATH, HOME } = process.env
  const environment = { PATH: `${join(work, 'bin')}:${PATH}`, HOME, npm_config_offline: 'true' }
  const args = [...sandbox, 'bash', join(work, 'scene.sh')]
  const child = spawn('unshare', args, { stdio: 'inherit', env: environment })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  await within(sceneMs, ended, () => new Error('the scene does not end')).catch(error => {
    child.kill('SIGKILL')
    throw error
  })
}

/** A server goes on, and the next step begins when it serves. Another step may go on, too: it must end well in the end. */
function scriptOf(steps: readonly Step[], work: string, project: string): string {
  const lines = steps.map(({ text }, i) => {
    const filled = inForeground(text.replaceAll('…', secret).replace(/ +#.*$/, ''))
    const said = join(work, `${i}.said`)
    if (isServer(filled)) return `begin ${i}\n{ ${filled} \n} > ${said} 2>&1 &\nserves ${i}`
    if (/&$/.test(filled)) return `begin ${i}\n{ ${filled.slice(0, -1)} \n} > ${said} 2>&1 &\nlater[${i}]=$!`
    return `begin ${i}\n{ ${filled} \n} > ${said} 2>&1\nend ${i} $?`
  })
  return `${prelude(work, project)}\n${lines.join('\n')}\nfor i in "\${!later[@]}"; do wait "\${later[$i]}"; end $i $?; done\n`
}

/** A server that a reader starts with its log in a file: the scene has to see when it listens. */
function inForeground(text: string): string {
  return text.replace(/^(holdfast (?:viewserver|lockserver) .*) > \S+\.log &$/, '$1')
}

function isServer(text: string): boolean {
  return /holdfast (cluster|viewserver|lockserver)/.test(text) && !text.endsWith('&')
}

function prelude(work: string, project: string): string {
  return `
set -u
ip link set lo up
for i in 1 2 3; do ip address add 10.0.0.$i/32 dev lo; done
mount -t tmpfs tmpfs /var/lib
mount --bind ${work}/hosts /etc/hosts
cd ${project}
declare -A later
now() { date +%s%3N; }
begin() { started=$(now); }
end() { echo $2 > ${work}/$1.code; echo $(($(now) - started)) > ${work}/$1.ms; }
serves() {
  for try in $(seq ${stepSeconds * 10}); do
    if grep -q '"listening"\\|in another terminal' ${work}/$1.said; then end $1 0; return; fi
    sleep 0.1
  done
  end $1 124
}`
}
