import { expect, test } from 'vitest'
import { bytesToGo, scanProblem } from '../../../core/agent/state/derived.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { overallStatus } from '../../../core/agent/state/status.ts'
import { noTotals } from '../../../core/ledger/ledger-messages.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { destinationState, emptyState, sourceState } from '../renderer/fake-state.ts'

const GIB = 1024 ** 3
const waits = (gigabytes: number) => ({ ...noTotals, waitingFiles: 1, waitingBytes: gigabytes * GIB })

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
  ['all waiting bytes remain before a transfer begins', [], 10],
  ['the sent bytes of a large file are subtracted', [onWay('nas', 3), onWay('nas', 1)], 6],
  ['the destination that is furthest behind decides', [onWay('nas', 9), onWay('cellar', 1)], 5],
  ['a transfer of another source is not subtracted', [onWay('nas', 9, 'other')], 10],
  [
    'the amount is 0, not negative, when everything is in transfer',
    [onWay('nas', 12), onWay('cellar', 6)],
    0,
  ],
])('bytes to go: %s', (_what, transfers, gigabytes) => {
  expect(bytesToGo(videos, transfers)).toBe(gigabytes * GIB)
})

test('overall status: the detail gives the bytes to go while one large file is sent', () => {
  const state = emptyState({
    ...{ sources: [videos], totals: videos.totals, transfers: [onWay('nas', 3), onWay('cellar', 3)] },
    destinations: [destinationState('nas'), destinationState('cellar')],
  })
  const { sentence, detail } = overallStatus(state, Date.now())
  expect(englishWords(sentence)).toBe('Sending 1 file.')
  expect(detail && englishWords(detail)).toBe('7 GiB to go.')
})

test('a problem of a source: a place of Holdfast’s own keeps no file from being sent', () => {
  const problems = [message('scan.ownPlace', { path: '/data/holdfast' })]
  const scanned = { id: 's', phase: 'watching' as const, compared: true, batches: [], problems }
  expect(scanProblem(sourceState('home', '/home/anna', { scanned }))).toBeNull()
})
