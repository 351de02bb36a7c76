import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { measure, type Row, table } from './row.ts'

/** Every benchmark by its name; each is a module that measures and gives rows. */
const benchmarks: Record<string, () => Promise<{ run(): Promise<Row[]> }>> = {
  app: () => import('./app.ts'),
  check: () => import('./check.ts'),
  destinations: () => import('./destinations.ts'),
  events: () => import('./events.ts'),
  digests: () => import('./digests.ts'),
  line: () => import('./line.ts'),
  restore: () => import('./restore.ts'),
  scale: () => import('./scale.ts'),
  scan: () => import('./scan.ts'),
  start: () => import('./start.ts'),
  stations: () => import('./stations.ts'),
  transfer: () => import('./transfer.ts'),
}

const usage = `usage: npm run bench -- NAME [--json FILE]\nNAME: ${Object.keys(benchmarks).join(', ')}`

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'string' } } })
  const load = benchmarks[positionals[0] ?? '']
  if (load === undefined || positionals.length !== 1) {
    console.error(usage)
    return 2
  }
  const { run } = await load()
  const rows = (await run()).map(measure)
  console.log(table(rows))
  if (values.json !== undefined) {
    const machine = { cpus: cpus().length, model: cpus()[0]?.model ?? '', memory: totalmem() }
    writeFileSync(values.json, `${JSON.stringify({ name: positionals[0], machine, rows }, null, 2)}\n`)
  }
  return 0
}

process.exit(await main())
