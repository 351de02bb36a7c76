import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BEST_DIGEST, digestOf, digestText } from '../../../core/files/digest.ts'
import { storeLayout } from '../../../core/receive/layout.ts'
import { openIntake } from '../../../core/receive/manifest/intake.ts'
import { openJournal } from '../../../core/receive/manifest/journal.ts'
import { openManifestFile } from '../../../core/receive/manifest/manifest-file.ts'
import type { Note, StoredFile } from '../../../core/receive/manifest/notes.ts'
import { formatNote, parseNote } from '../../../core/receive/manifest/notes.ts'
import { openPlaces } from '../../../core/receive/manifest/places.ts'
import { openRows } from '../../../core/receive/manifest/rows.ts'
import { versionName } from '../../../core/receive/versions/name.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const VERSION = '20261120T065300.123Z'
const textOf = (text: string) => digestText(digestOf(BEST_DIGEST, Buffer.from(text)))
const factsOf = (text: string, at = 'data/a'): StoredFile => ({
  ...{ folder: 'pc', path: at, size: text.length, mtimeMs: 1_600_000_000_000, mode: 0o640 },
  digest: textOf(text),
  storedAt: 5,
})
const placed = (text: string, at?: string): Note => ({ did: 'placed', again: false, ...factsOf(text, at) })
const replacing = (text: string): Note => ({ did: 'replacing', version: VERSION, ...factsOf(text) })
const kept: Note = { did: 'kept', folder: 'pc', path: 'data/a', version: VERSION }
const moving: Note = { ...kept, did: 'moving' }

/** A store whose file has one content, and what its receiver can do with it before it is killed. */
function setUp() {
  const layout = storeLayout(temporaryDirectory('replay'))
  const place = path.join(layout.root, 'pc/data/a')
  const version = path.join(layout.root, ...layout.versions, 'pc/data/a', VERSION)
  for (const file of [place, version]) fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(place, 'old')
  const { database } = openManifestFile(layout.manifest)
  onTestFinished(() => database.close())
  const rows = openRows(database)
  const intake = openIntake(layout, database, rows)
  const journal = openJournal(layout.journal)
  return {
    layout,
    rows,
    link: (name = VERSION) => fs.linkSync(place, path.join(path.dirname(version), name)),
    replace(text: string) {
      fs.writeFileSync(`${place}.new`, text)
      fs.renameSync(`${place}.new`, place)
    },
    move: () => fs.renameSync(place, version),
    /** Taken in as after the receiver is gone;  */
    async write(...notes: Note[]) {
      await journal.append(notes)
      while (intake.step(null));
    },
    async writeAlive(...notes: Note[]) {
      await journal.append(notes)
      while (intake.step(journal.tag));
    },
    announce: (...places: string[]) => openPlaces(layout.journal, journal.tag).announce(places),
    restart: () => {
      while (intake.step(null));
    },
    /** The digests that the manifest has of the place and of the version. */
    known: (name = VERSION) => ['', name].map((one) => rows.find('pc', 'data/a', one)?.digest ?? null),
  }
}

describe('a receiver that was killed while it replaced a file', () => {
  test.each([
    ['before it began', 'none', [textOf('old'), null]],
    ['when the old content had its second name', 'link', [textOf('old'), textOf('old')]],
    ['when the new content was in its place', 'replace', [textOf('new'), textOf('old')]],
  ] as const)('%s: the manifest is as the disk', async (_when, until, wanted) => {
    const { link, replace, write, known } = setUp()
    await write(placed('old'))
    if (until !== 'none') link()
    if (until === 'replace') replace('new')
    await write(replacing('new'))
    expect(known()).toEqual(wanted)
    // It is sent once more, and found to be there, or put there.
    if (until === 'replace') await write({ ...placed('new'), again: true } as Note)
    expect(known()).toEqual(wanted)
  })

  test('what it had only begun is not judged while it runs, but when it is gone', async () => {
    const { link, replace, write, writeAlive, restart, known } = setUp()
    await write(placed('old'))
    const now = versionName(new Date())
    await writeAlive(placed('x', 'data/資料'), { ...replacing('new'), version: now } as Note)
    link(now)
    replace('new')
    restart()
    expect(known(now)).toEqual([textOf('new'), textOf('old')])
  })

  test.each([
    ['soon after it was begun', 30_000, null],
    ['of a clock that was set back', -24 * 3600 * 1000, textOf('later')],
    ['of a clock that was set back a little', -30_000, null],
  ])(
    'an intent that nothing came of keeps the rest waiting for two minutes at most: %s',
    async (_when, ago, later) => {
      const { writeAlive, rows } = setUp()
      const version = versionName(new Date(Date.now() - ago))
      await writeAlive({ ...replacing('failed'), version } as Note, placed('later', 'data/later'))
      expect(rows.find('pc', 'data/later', '')?.digest ?? null).toBe(later)
    },
  )

  test('an old content that the manifest never heard of is read', async () => {
    const { link, replace, write, known } = setUp()
    link()
    replace('new')
    await write(replacing('new'))
    expect(known()).toEqual([textOf('new'), textOf('old')])
  })

  test('a file that has taken the place of a directory keeps nothing out of the manifest', async () => {
    const { link, write, known, rows, layout } = setUp()
    await write(placed('old'))
    link()
    await write(replacing('new'))
    const directory = path.join(layout.root, 'pc/data')
    fs.rmSync(directory, { recursive: true })
    fs.writeFileSync(directory, 'a file')
    await write(replacing('newer'), moving, kept, placed('later', 'else/file'))
    expect(rows.find('pc', 'else/file', '')?.digest).toBe(textOf('later'))
    expect(known()[1]).toBe(textOf('old'))
  })

  test('a version that is kept of a content without a line is read, too', async () => {
    const { link, replace, write, known } = setUp()
    link()
    replace('new')
    await write(kept, placed('new'))
    expect(known()).toEqual([textOf('new'), textOf('old')])
  })

  test('without a crash all lines together say the same, whenever they are taken in', async () => {
    for (const seen of ['piece by piece', 'at once'] as const) {
      const { link, replace, write, known } = setUp()
      await write(placed('old'))
      if (seen === 'piece by piece') await write(replacing('new'))
      link()
      if (seen === 'piece by piece') await write(replacing('new'))
      replace('new')
      if (seen === 'piece by piece') {
        await write(replacing('new'))
        await write(kept, placed('new'))
      } else await write(replacing('new'), kept, placed('new'))
      expect(known()).toEqual([textOf('new'), textOf('old')])
    }
  })
})

test.each([true, false])(
  'a file that has to go for a directory; moved before the kill: %s',
  async (moved) => {
    const { move, write, known } = setUp()
    await write(placed('old'))
    if (moved) move()
    await write(moving)
    expect(known()).toEqual(moved ? [null, textOf('old')] : [textOf('old'), null])
  },
)

test.each([replacing('new'), moving, kept, placed('x')])('$did is one line of the journal', (note) => {
  expect(parseNote(formatNote(note))).toEqual(note)
  expect(parseNote(formatNote(note).slice(0, -2))).toBeNull()
})

describe('a receiver that was killed while it gave many files their names', () => {
  test('what is there without a line is read; what is not there is nothing', async () => {
    const { announce, restart, write, writeAlive, known, rows } = setUp()
    await announce('pc/data/a', 'pc/data/never-came')
    await writeAlive(placed('x', 'data/b'))
    expect(known()).toEqual([null, null])
    restart()
    expect(known()).toEqual([textOf('old'), null])
    expect(rows.find('pc', 'data/never-came', '')).toBeNull()
    // It is looked at once.
    await write(placed('told'))
    restart()
    expect(known()).toEqual([textOf('told'), null])
  })

  test('the line of a file that it could still write counts', async () => {
    const { announce, writeAlive, restart, known } = setUp()
    await announce('pc/data/a')
    await writeAlive({ ...placed('old'), storedAt: Date.now(), digest: textOf('as told') } as Note)
    restart()
    expect(known()).toEqual([textOf('as told'), null])
  })
})
