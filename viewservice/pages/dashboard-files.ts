// The files of the dashboard, which the build puts beside this one; read when they are requested.

import { readFile } from 'node:fs/promises'
import type { Route } from '../../wire/serving/http.ts'

const folder = new URL('../../dashboard/', import.meta.url)

const files = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/dashboard.js': ['dashboard.js', 'text/javascript; charset=utf-8'],
  '/dashboard.css': ['dashboard.css', 'text/css; charset=utf-8'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
} as const

export function dashboardFiles(): Record<string, Route> {
  const routes = Object.entries(files).map(([path, [name, type]]): [string, Route] => [
    path,
    {
      guarded: true,
      ...(path === '/' && { linked: true }),
      read: async () => ({ status: 200, type, body: await readFile(new URL(name, folder)) }),
    },
  ])
  return Object.fromEntries(routes)
}
