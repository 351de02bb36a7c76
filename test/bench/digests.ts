import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { median, type Row } from './row.ts'
import { bundleEnds, offerAll, sendWithHoldfast } from './transfer-ends.ts'
import { type Load, settle, writeLoad } from './write-load.ts'

const LOADS: readonly Load[] = [
  { name: '10,000 × 20 KiB', files: 10_000, bytes: 20 * 1024, runs: 3 },
  { name: '8 × 64 MiB', files: 8, bytes: 64 * 1024 * 1024, runs: 5 },
]
const BEFORE: Load = { name: '1,000 × 4 KiB', files: 1_000, bytes: 4096, runs: 1 }
const KINDS = ['sha256', 'none'] as const

/** Sending with SHA-256 in the same read, against the same transfer without, in turns. */
export async function run(): Promise<Row[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  const [ends, before] = [path.join(directory, 'ends'), path.join(directory, 'before')]
  const rows: Row[] = []
  try {
    await bundleEnds(ends)
    writeLoad(BEFORE, before)
    for (const load of LOADS) {
      const source = path.join(directory, load.name)
      writeLoad(load, source)
      const seconds = { sha256: [] as number[], none: [] as number[] }
      for (let round = 0; round < load.runs; round += 1)
        for (const kind of round % 2 === 0 ? KINDS : KINDS.toReversed()) {
          const place = path.join(directory, `${kind}-${round}`)
          mkdirSync(place)
          settle()
          const sent = await sendWithHoldfast({
            ...{ ends, source, before, directory: place, digests: kind === 'none' ? [] : [kind] },
            prepare: (ledger, destination) => offerAll(ledger, 's', source, destination),
          })
          seconds[kind].push(sent.seconds)
          rmSync(place, { recursive: true, force: true })
        }
      rows.push({
        metric: `${load.name}, with SHA-256`,
        value: median(seconds.sha256),
        unit: 's',
        reference: { name: 'without', value: median(seconds.none) },
        target: { atMost: 1.1 },
      })
      rmSync(source, { recursive: true, force: true })
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  return rows
}
