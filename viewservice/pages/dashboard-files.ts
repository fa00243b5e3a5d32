// The files of the dashboard, which the build puts beside this one; found and read when they are requested: a program that
// was bundled has none of them, and its view server works without a dashboard. They are the same for every cluster, and open
// to all, so that whoever comes without a secret gets the form to log in (A9).

import { readFile } from 'node:fs/promises'
import type { Page, Route } from '../../wire/serving/http.ts'

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
      ...(path === '/' && { linked: true }),
      read: () => fileOr404(name, type),
    },
  ])
  return Object.fromEntries(routes)
}

async function fileOr404(name: string, type: string): Promise<Page> {
  try {
    return { status: 200, type, body: await readFile(new URL(`../../dashboard/${name}`, import.meta.url)) }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const text = 'there is no dashboard: its files are not where this program is, as when it was bundled'
    return { status: 404, body: { error: `${text} (${why}); all else works` } }
  }
}
