// `npm run grafana`: writes deploy/grafana.json, a board for Grafana 10 and later, from the panels of grafana-panels.ts.
// `npm run check:board` holds the file to them, and each query to what a real Prometheus gets of a real cluster.

import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { jobs, marks, type Panel, type Row, rows } from './grafana-panels.ts'

export const boardFile = fileURLToPath(new URL('../../deploy/grafana.json', import.meta.url))

// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in.
const datasource = { type: 'prometheus', uid: '${datasource}' }
/** Grafana's grid. */
const columns = 24

/** The text of the file. */
export function boardText(): string {
  return `${JSON.stringify(board(), null, 2)}\n`
}

function board() {
  return {
    title: 'Holdfast',
    uid: 'holdfast',
    description: 'docs/OPERATIONS.md says what each alarm means, and what to do.',
    tags: ['holdfast'],
    schemaVersion: 39,
    editable: true,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    graphTooltip: 1,
    templating: { list: [sourceVariable, jobVariable] },
    annotations: { list: [viewMarks] },
    panels: placed(rows),
  }
}

const sourceVariable = { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' }

const jobVariable = {
  name: 'job',
  label: 'Job',
  type: 'query',
  datasource,
  query: { query: jobs, refId: 'job' },
  refresh: 2,
  includeAll: true,
  multi: true,
  allValue: '.+',
  current: { text: 'All', value: '$__all' },
}

const viewMarks = {
  name: 'Views',
  datasource,
  enable: true,
  iconColor: 'orange',
  expr: marks,
  titleFormat: 'new view',
  textFormat: '{{change}}',
}

/** Each row begins on a line of its own; its panels share the width. */
function placed(all: readonly Row[]): object[] {
  const panels: object[] = []
  let y = 0
  for (const row of all) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title: row.title,
      collapsed: false,
      panels: [],
      gridPos: at(0, y++, columns, 1),
    })
    const perLine = row.panels.length > 6 ? row.panels.length : Math.min(3, row.panels.length)
    const [width, height] = [Math.floor(columns / perLine), perLine > 3 ? 4 : 8]
    for (const [i, panel] of row.panels.entries()) {
      const place = at((i % perLine) * width, y + Math.floor(i / perLine) * height, width, height)
      panels.push({ id: panels.length + 1, ...panelJson(panel), gridPos: place })
    }
    y += Math.ceil(row.panels.length / perLine) * height
  }
  return panels
}

const at = (x: number, y: number, w: number, h: number) => ({ x, y, w, h })

const types = { stat: 'stat', chart: 'timeseries', states: 'state-timeline' } as const

function panelJson({ title, about, empty, kind, unit, queries, ...limits }: Panel) {
  return {
    type: types[kind],
    title,
    description: empty === undefined ? about : `${about} Empty ${empty}.`,
    datasource,
    fieldConfig: { defaults: { unit, ...(kind === 'stat' ? thresholds(limits) : {}) }, overrides: [] },
    options:
      kind === 'stat' ? { reduceOptions: { calcs: ['lastNotNull'] }, textMode: textMode(queries, unit) } : {},
    targets: queries.map(({ expr, legend }, i) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + i),
      datasource,
      expr,
      legendFormat: legend,
    })),
  }
}

/** Where a series has a name and its value means nothing, the name is what one wants to read. */
function textMode(queries: Panel['queries'], unit: string): string {
  if (queries.every(({ legend }) => legend === '')) return 'value'
  return unit === 'none' ? 'name' : 'value_and_name'
}

function thresholds({ atLeast }: Pick<Panel, 'atLeast'>) {
  const plain = { color: 'text', value: null }
  const steps =
    atLeast === undefined
      ? [plain]
      : [
          { color: 'red', value: null },
          { color: 'green', value: atLeast },
        ]
  return { color: { mode: 'thresholds' }, thresholds: { mode: 'absolute', steps } }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(boardFile, boardText())
  process.stdout.write(`${boardFile}: ${rows.flatMap(({ panels }) => panels).length} panels\n`)
}
