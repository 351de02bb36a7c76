import { expect, it } from 'vitest'
import { english } from '../../../core/lib/i18n/dictionaries.ts'
import { message, type WordKey } from '../../../core/lib/i18n/message.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'

const LONGEST = 45
/** Keys of details, which have a line of their own, and of parts of other sentences. */
const details =
  /^status\.(diskSince\..*|onHold|deletedKept.*|parkedFile|outdated|outOfDate|since|alsoPaused.*|pausedSourceWaiting|toGo.*|minimumAge|nextVersion|openDetail|more|othersGoOn|waitingHere|connectReceiver|lastFile.*|addOne|addSender|received|sendersConnected|sendersLast|changing|changingNever|leftInBatch|emptyBatch|notChecked|notScanned|incidents)$/

const params = {
  ...{ name: 'Pictures', path: 'Pictures', worker: 'scanner', count: 109, known: 120, others: 2, size: 3e6 },
  ...{ since: Date.now(), until: Date.now(), at: Date.now(), age: 720_000, away: 720_000, left: 180_000 },
}

it('status: every headline has at most 45 characters with usual names and numbers', () => {
  const keys = Object.keys(english())
    .filter((key) => key.startsWith('status.'))
    .map((key) => key.replace(/_(zero|one|other)$/, ''))
    .filter((key) => !details.test(key))
  expect(keys.length).toBeGreaterThan(30)
  const long = [...new Set(keys)]
    .map((key) => englishWords(message(key as WordKey, params)))
    .filter((sentence) => sentence.length > LONGEST)
  expect(long).toEqual([])
})
