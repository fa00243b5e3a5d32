// How lengths of time, numbers and addresses are written.

const number = new Intl.NumberFormat('en')

export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${number.format(count)} ${count === 1 ? one : many}`
}

export function grouped(count: number): string {
  return number.format(count)
}

/** About three digits: `0.42 ms`, `87 ms`, `3.1 s`, `12 min`, `5 h`, `3 d`. */
export function lengthOf(ms: number): string {
  if (ms === 0) return '0 ms'
  if (ms < 1_000) return `${ms < 1 ? ms.toFixed(2) : ms < 10 ? trimmed(ms) : Math.round(ms)} ms`
  const s = ms / 1_000
  if (s < 60) return `${s < 10 ? trimmed(s) : Math.floor(s)} s`
  if (s < 3_600) return `${Math.floor(s / 60)} min`
  return s < 172_800 ? `${Math.floor(s / 3_600)} h` : `${Math.floor(s / 86_400)} d`
}

/** `151.2 MB`, `12.3 GB`. */
export function bytesOf(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`
}

function trimmed(value: number): string {
  return value.toFixed(1).replace(/\.0$/, '')
}

/** `ws://10.0.0.2:7401` as `10.0.0.2:7401`. */
export function shortOf(address: string): string {
  return address.replace(/^wss?:\/\//, '').replace(/\/$/, '')
}

export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(1, length - 1))}…`
}
