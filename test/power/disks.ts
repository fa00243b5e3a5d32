// Disks whose power can go: ext4 in a file each, mounted in the run's own namespace, which ends with it and takes the mounts
// along. Shut down without its log, an ext4 keeps what was synced, and nothing else.

import { execFileSync, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const imageBytes = 256 * 1_048_576
/** EXT4_IOC_SHUTDOWN with NOLOGFLUSH, which is _IOR('X', 125, __u32) and 2. */
const shutDown = `for (@ARGV) {
  open(my $folder, '<', $_) or die "$_: $!\\n";
  my $how = pack('L', 2);
  ioctl($folder, 0x8004587d, $how) or die "shutting $_ down: $!\\n";
}`
const bootFile = '/proc/sys/kernel/random/boot_id'

export class Disks {
  readonly #folder: string
  readonly #names: readonly string[]
  #boots = 0

  /** Each is mounted at its name in the folder. */
  constructor(folder: string, names: readonly string[]) {
    this.#folder = folder
    this.#names = names
    for (const name of names) {
      mkdirSync(join(folder, name), { recursive: true })
      execFileSync('truncate', ['-s', String(imageBytes), this.#image(name)])
      execFileSync('mkfs.ext4', ['-q', this.#image(name)])
    }
    this.#mount()
  }

  /** All at once; whatever is written from here on fails. */
  shutDown(): void {
    execFileSync('perl', ['-e', shutDown, ...this.#names.map(name => join(this.#folder, name))])
  }

  /** No process may have a file open there. All processes from here on see the id of another boot. */
  comeBack(): void {
    this.unmount()
    this.#mount()
    const file = join(this.#folder, `boot-${++this.#boots}`)
    writeFileSync(file, `${randomUUID()}\n`)
    execFileSync('mount', ['--bind', file, bootFile])
  }

  unmount(): void {
    for (const name of this.#names) execFileSync('umount', [join(this.#folder, name)])
    if (this.#boots > 0) execFileSync('umount', [bootFile])
  }

  #mount(): void {
    for (const name of this.#names)
      execFileSync('mount', ['-o', 'loop', this.#image(name), join(this.#folder, name)])
  }

  #image(name: string): string {
    return join(this.#folder, `${name}.image`)
  }
}

/** Why there are no such disks here; null: there are. */
export function lackOfDisks(folder: string): string | null {
  if (process.getuid?.() !== 0) return 'they need root, to mount file systems'
  const programs = { 'mkfs.ext4': '-V', perl: '-v', mount: '-V' }
  for (const [program, argument] of Object.entries(programs))
    if (spawnSync(program, [argument]).error !== undefined) return `the program ${program} is missing`
  const place = join(folder, 'trial')
  try {
    const trial = new Disks(place, ['disk'])
    trial.shutDown()
    trial.comeBack()
    trial.unmount()
    return null
  } catch (error) {
    const { stderr, message } = error as { stderr?: unknown; message: string }
    return `an ext4 can't be mounted and shut down here: ${String(stderr ?? message).trim()}`
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}
