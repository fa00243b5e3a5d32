// What the journal asks of its disk, and what it is told: types only. Paths are relative to the journal's folder;
// open files have numbers. A disk may lose, tear and re-order whatever was not synced; a driver does no more than
// these acts, and tests put a simulated disk in its place.

export type DiskAct =
  | { readonly do: 'make folder'; readonly path: string }
  /** A new file, open for writing under this number. Fails if the name exists. */
  | { readonly do: 'create'; readonly file: number; readonly path: string }
  /** `sync`: the file's data is on the disk when this is answered, all that was written to it before included. */
  | {
      readonly do: 'write'
      readonly file: number
      readonly at: number
      readonly bytes: Uint8Array
      readonly sync: boolean
    }
  | { readonly do: 'sync'; readonly file: number }
  | { readonly do: 'close'; readonly file: number }
  /** Of a file or a folder; its open files stay open. */
  | { readonly do: 'rename'; readonly from: string; readonly to: string }
  /** The names in it are on the disk when this is answered; '' is the journal's folder itself. */
  | { readonly do: 'sync folder'; readonly path: string }
  /** A file, or a folder with its files; none there is fine. */
  | { readonly do: 'remove'; readonly path: string }

export type DiskAnswer =
  | { readonly is: 'done'; readonly job: number }
  /** `full`: the disk, or this user's part of it, has no room. */
  | { readonly is: 'failed'; readonly job: number; readonly problem: string; readonly full: boolean }
