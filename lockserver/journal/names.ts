// The names in a journal's folder. A volume holds the files of one state; one that counts has its plain name, one that
// is being made ends in .tmp. A segment's name says how long it is, so that a file that was cut shows.

const pad = (number: number) => String(number).padStart(6, '0')

export const volumeName = (volume: number) => `volume-${pad(volume)}`
export const asideName = (why: 'forgotten' | 'spoilt', volume: number) => `${why}-${pad(volume)}`
export const segmentName = (segment: number, bytes: number) => `segment-${pad(segment)}-${bytes}`
export const snapshotName = (snapshot: number) => `snapshot-${pad(snapshot)}`
export const unfinished = (name: string) => `${name}.tmp`

export function volumeIn(name: string): number | undefined {
  return numberIn(name, /^volume-(\d{6,})$/)
}

/** A volume under any name. */
export function anyVolumeIn(name: string): number | undefined {
  return numberIn(name, /^(?:volume|forgotten|spoilt)-(\d{6,})(?:\.tmp)?$/)
}

export function asideIn(name: string): number | undefined {
  return numberIn(name, /^(?:forgotten|spoilt)-(\d{6,})$/)
}

export function isUnfinished(name: string): boolean {
  return /^(?:volume|segment|snapshot)-\d.*\.tmp$/.test(name)
}

export function snapshotIn(name: string): number | undefined {
  return numberIn(name, /^snapshot-(\d{6,})$/)
}

export function segmentIn(name: string): { number: number; bytes: number } | undefined {
  const [, number, bytes] = /^segment-(\d{6,})-(\d+)$/.exec(name) ?? []
  return number === undefined ? undefined : { number: Number(number), bytes: Number(bytes) }
}

function numberIn(name: string, pattern: RegExp): number | undefined {
  const [, number] = pattern.exec(name) ?? []
  return number === undefined ? undefined : Number(number)
}
