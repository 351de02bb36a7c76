import { ensurePackages } from '../../build/setup/system.mjs'
import type { Row } from './row.ts'
import { measureBursts } from './scan-burst.ts'
import { measureMillion } from './scan-million.ts'
import { makePlaces, removePlaces } from './scan-places.ts'
import { measureReady } from './scan-ready.ts'

/** The scanner against inotifywait and find on the same trees. */
export async function run(): Promise<Row[]> {
  await ensurePackages(['inotify-tools', 'findutils'], 'the benchmark of the scanner')
  const places = await makePlaces()
  try {
    return [
      ...(await measureBursts(places)),
      ...(await measureReady(places)),
      ...(await measureMillion(places)),
    ]
  } finally {
    removePlaces(places)
  }
}
