import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { LedgerEntry } from '../../../core/ledger/contract.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { examinePath, type ListOptions, listCandidates } from '../../../core/scan/preview/list-source.ts'
import { sourceSchema } from '../../../core/settings/schema.ts'
import { OwnPlaces } from '../../../core/walk/own-places.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const HOUR_MS = 3_600_000

function write(root: string, name: string, bytes = 10, ageMs = HOUR_MS) {
  const file = path.join(root, name)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, 'x'.repeat(bytes))
  chmodSync(file, 0o644)
  const at = new Date(Date.now() - ageMs)
  utimesSync(file, at, at)
}

/** Returns the reason of each path by its name; null: it would be sent. */
async function list(root: string, settings: Record<string, unknown>, options: Partial<ListOptions> = {}) {
  const source = sourceSchema.parse({ id: 's', path: root, name: 's', ...settings })
  const reasons: Record<string, string | null> = {}
  const all = { source, quietSeconds: 10, own: new OwnPlaces([]), ...options }
  for await (const { path: name, why } of listCandidates(all))
    reasons[path.basename(name)] = why === null ? null : englishWords(why)
  return reasons
}

test('candidates: each file has its reason, or none if it would be sent', async () => {
  const root = temporaryDirectory('candidates')
  for (const name of ['sent', 'new', 'x.log', 'cache/1', '.h', 'd.part']) write(root, name)
  write(root, 'tiny', 1)
  write(root, 'huge', 1_000)
  write(root, 'young', 10, 0)
  symlinkSync('/etc/passwd', path.join(root, 'link'))
  const rules = { ignore: ['*.log', 'cache/'], hidden: 'leave-out', minimumBytes: 5, maximumBytes: 100 }
  const lookup: ListOptions['lookup'] = (file) =>
    file.path === 'sent' ? ({ ...file, state: 'sent', reason: null } as unknown as LedgerEntry) : null
  const reasons = await list(root, { ...rules, minimumAgeSeconds: 60 }, { lookup })
  expect(reasons).toEqual({
    '.h': 'hidden: its name begins with a dot',
    cache: 'left out by the ignore pattern cache/',
    'd.part': 'temporary name: a program is still writing it',
    huge: 'larger than 100 B',
    link: 'not a regular file (symlink)',
    'new': null,
    sent: 'sent already',
    tiny: 'smaller than 5 B',
    'x.log': 'left out by the ignore pattern *.log',
    young: 'changed less than 1 min ago',
  })
})

test('path below a link: it is where the link leads, with the names below it', async () => {
  const above = temporaryDirectory('below-link')
  const root = path.join(above, 'data')
  mkdirSync(path.join(root, 'in'), { recursive: true })
  symlinkSync('../../real', path.join(root, 'in', 'link'))
  const source = sourceSchema.parse({ id: 's', path: root, name: 's' })
  const examine = (name: string) => examinePath({ source, quietSeconds: 10, own: new OwnPlaces([]) }, name)
  expect(await examine('in/link')).toMatchObject({ here: 'link', target: path.join(above, 'real') })
  expect(await examine('in/link/sub/f')).toMatchObject({ target: path.join(above, 'real/sub/f') })
})
