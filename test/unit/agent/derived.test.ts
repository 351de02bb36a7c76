import { expect, test } from 'vitest'
import { bytesToGo } from '../../../core/agent/state/derived.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { overallStatus } from '../../../core/agent/state/status.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { destinationState, emptyState, sourceState } from '../renderer/fake-state.ts'

const GIB = 1024 ** 3
const nothing = { waitingFiles: 0, waitingBytes: 0, sentFiles: 0, sentBytes: 0, parkedFiles: 0 }
const waits = (gigabytes: number) => ({ ...nothing, waitingFiles: 1, waitingBytes: gigabytes * GIB })

const videos = sourceState('videos', '/videos', {
  destinations: [
    { id: 'nas', totals: waits(10), rate: 0, left: null },
    { id: 'cellar', totals: waits(6), rate: 0, left: null },
  ],
  totals: waits(10),
})
const onWay = (destination: string, gigabytes: number, source = videos.settings.id) => ({
  ...{ id: 1, source, destination, path: 'film', size: 10 * GIB, sentBytes: gigabytes * GIB },
})

test.each<[string, AppState['transfers'], number]>([
  ['all of it before it has begun', [], 10],
  ['less while one large file is sent', [onWay('nas', 3), onWay('nas', 1)], 6],
  ['what the destination lacks that is furthest behind', [onWay('nas', 9), onWay('cellar', 1)], 5],
  ['nothing less for another source', [onWay('nas', 9, 'other')], 10],
  ['nothing, and not less, when all of it is on its way', [onWay('nas', 12), onWay('cellar', 6)], 0],
])('to go is %s', (_what, transfers, gigabytes) => {
  expect(bytesToGo(videos, transfers)).toBe(gigabytes * GIB)
})

test('the status tells what is to go while one large file is sent', () => {
  const state = emptyState({
    ...{ sources: [videos], totals: videos.totals, transfers: [onWay('nas', 3), onWay('cellar', 3)] },
    destinations: [destinationState('nas'), destinationState('cellar')],
  })
  expect(englishWords(overallStatus(state, Date.now()).sentence)).toBe('Sending 1 file, 7 GiB to go.')
})
