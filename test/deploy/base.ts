// Base images of this machine's own Node, for a build that can't ask a registry of images: a folder each, with programs
// and the libraries that they need. One builds (npm and a shell), on the other the image stands.

import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

const standing = ['node', 'env', 'sh', 'true', 'sleep']
const building = [...standing, 'mkdir', 'tar', 'gzip', 'cp', 'ln', 'rm', 'tini-static']

/** What an image of Node has, as far as this project's image needs it. */
export function makeBase(folder: string): void {
  for (const program of standing) copyProgram(program, folder)
  finish(folder)
}

/** What its build needs besides; it asks the registry of packages that this machine asks. */
export function makeBuildingBase(folder: string): void {
  for (const program of building) copyProgram(program, folder)
  const npm = dirname(dirname(realpathSync(whereIs('npm'))))
  cpSync(npm, join(folder, 'usr/lib/node_modules/npm'), { recursive: true })
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(folder, 'usr/bin/npm'))
  mkdirSync(join(folder, 'root'))
  const [registry, authorities] = [npmSetting('registry'), npmSetting('cafile')]
  writeFileSync(
    join(folder, 'root/.npmrc'),
    `registry=${registry}\n${authorities && `cafile=${authorities}\n`}`,
  )
  if (authorities !== '') copyTo(authorities, join(folder, authorities))
  finish(folder)
}

/** Where npm keeps what it has downloaded. */
export function npmCache(): string {
  return npmSetting('cache') || join(homedir(), '.npm')
}

function npmSetting(name: string): string {
  const said = execFileSync('npm', ['config', 'get', name], { encoding: 'utf8' }).trim()
  return said === 'null' || said === 'undefined' ? '' : said
}

function finish(folder: string): void {
  symlinkSync('usr/bin', join(folder, 'bin'))
  for (const name of ['tmp', 'etc', 'proc', 'dev', 'var']) mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n')
}

function copyProgram(program: string, folder: string): void {
  const file = realpathSync(whereIs(program))
  copyTo(file, join(folder, 'usr/bin', program))
  for (const library of librariesOf(file)) copyTo(realpathSync(library), join(folder, library))
}

function copyTo(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to)
}

function whereIs(program: string): string {
  const folders = (process.env.PATH ?? '').split(':')
  const found = folders.map(folder => join(folder, program)).find(file => existsSync(file))
  if (found === undefined) throw new Error(`there is no program ${program} here`)
  return found
}

/** Paths as the loader asks for them; none of a program that is linked statically. */
function librariesOf(file: string): string[] {
  try {
    const said = execFileSync('ldd', [file], { encoding: 'utf8', stdio: 'pipe' })
    return [...said.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path)
  } catch {
    return []
  }
}
