import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { HEADING, type MeasuredRow, measure, type Row, toLine, toMarkdown } from './row.ts'

/** Every benchmark by its name; each is a module that gives a row as soon as it is measured. */
const benchmarks: Record<string, () => Promise<{ run(): AsyncIterable<Row> }>> = {
  app: () => import('./app.ts'),
  check: () => import('./check.ts'),
  destinations: () => import('./destinations.ts'),
  line: () => import('./line.ts'),
  restore: () => import('./restore.ts'),
  scale: () => import('./scale.ts'),
  scan: () => import('./scan.ts'),
  start: () => import('./start.ts'),
  transfer: () => import('./transfer.ts'),
}

const usage = `usage: npm run bench -- NAME [--json FILE] [--markdown FILE]\nNAME: ${Object.keys(benchmarks).join(', ')}`

async function main(): Promise<number> {
  const options = { json: { type: 'string' }, markdown: { type: 'string' } } as const
  const { values, positionals } = parseArgs({ allowPositionals: true, options })
  const load = benchmarks[positionals[0] ?? '']
  if (load === undefined || positionals.length !== 1) {
    console.error(usage)
    return 2
  }
  const { run } = await load()
  const rows: MeasuredRow[] = []
  console.log(HEADING)
  for await (const row of run()) {
    const measured = measure(row)
    rows.push(measured)
    console.log(toLine(measured))
  }
  if (values.json !== undefined) {
    const machine = { cpus: cpus().length, model: cpus()[0]?.model ?? '', memory: totalmem() }
    writeFileSync(values.json, `${JSON.stringify({ name: positionals[0], machine, rows }, null, 2)}\n`)
  }
  if (values.markdown !== undefined) replaceFigures(values.markdown, positionals[0] ?? '', toMarkdown(rows))
  return 0
}

/** Replaces what is between a benchmark's two comments in a document (docs/benchmarks.md). */
function replaceFigures(file: string, name: string, figures: string): void {
  const text = readFileSync(file, 'utf8')
  const from = text.indexOf(`<!-- bench ${name} -->`)
  const to = text.indexOf('<!-- end -->', from)
  if (from === -1 || to === -1) throw new Error(`${file} has no place for ${name}`)
  const begin = `<!-- bench ${name} -->\n\n`
  writeFileSync(file, `${text.slice(0, from)}${begin}${figures}\n\n${text.slice(to)}`)
}

process.exit(await main())
