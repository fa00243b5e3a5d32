// The script of a page that contends; the test provides `tell`.

import { connect } from 'holdfast'
import { contend, type Tell } from './contender.ts'

const page = globalThis as unknown as { tell: Tell; contend: (url: string, name: string) => Promise<void> }

Object.assign(globalThis, { contend: (url: string, name: string) => contend(url, name, page.tell), connect })
