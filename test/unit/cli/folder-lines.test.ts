import { expect, test } from 'vitest'
import { heldLines, sourceLines } from '../../../cli/folders/folder-lines.ts'
import { noTotals } from '../../../core/ledger/ledger-messages.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'
import { receiver, stateWith, well } from '../../support/agent/status.ts'

const folder = { id: 'b', kind: 'folder', name: 'disk', path: '/no-share' }
const bucket = { kind: 's3', bucket: 'lab', folder: 'station' }
const here = { ...bucket, id: 'c', name: 'here', endpoint: 'http://127.0.0.1:9000' }
const away = { ...bucket, id: 'd', name: 'away', endpoint: 'https://s3.example.org' }
const cloud = {
  kind: 'webdav',
  id: 'e',
  name: 'cloud',
  url: 'https://dav.example.org/x',
  user: 'u',
  folder: 'station',
}

test.each([
  ['no destination', [], null, true],
  ['a disk and a bucket on this computer', [folder, here], null, true],
  ['a disk and a bucket elsewhere', [folder, away], null, false],
  ['a bucket elsewhere that the source does not use', [folder, away], ['b'], true],
])(
  '`holdfast folders`: a note that no file is removed appears only without a destination elsewhere: %s',
  (_, destinations, chosen, isSaid) => {
    const source = { id: 'a', path: '/data', name: 'data', deleteAfter: { hours: 720 }, destinations: chosen }
    const settings = settingsSchema.parse({ sources: [source], destinations })
    const lines = settings.sources.flatMap((one) => sourceLines(settings, one))
    expect(lines).toContain('  removed here 30 days after it was sent')
    expect(lines.some((line) => line.includes('nothing is removed'))).toBe(isSaid)
  },
)

test.each([
  ['a WebDAV server alone', [cloud], true],
  ['a WebDAV server and a bucket', [cloud, away], false],
])(
  '`holdfast folders`: a note names the server that confirms no durability: %s',
  (_, destinations, isSaid) => {
    const source = { id: 'a', path: '/data', name: 'data', deleteAfter: { hours: 720 } }
    const settings = settingsSchema.parse({ sources: [source], destinations })
    const lines = settings.sources.flatMap((one) => sourceLines(settings, one))
    expect(lines.some((line) => line.includes('cloud does not confirm that files are on its disk'))).toBe(
      isSaid,
    )
  },
)

test('`holdfast folders`: the command that puts deleted files back names one destination, quoted for the shell', () => {
  const totals = { ...noTotals, deletedFiles: 40 }
  const scanned = { ...well.scanned, deleted: { since: 1, files: 40, known: 46 } }
  const settings = { ...well.settings, name: "Bob's data" }
  const put = (name: string, id = 'nas') => {
    const destinations = [
      { ...receiver, id, name },
      { ...receiver, id: 'other', name: 'other' },
    ]
    const mine = destinations.map((one) => ({ ...one, totals }))
    const source = { ...well, settings, scanned, destinations: mine } as typeof well
    return heldLines(stateWith({ destinations }), source).find((line) => line.includes('restore --from'))
  }
  const rest = "'Bob'\\''s data' --in-place --missing-only"
  expect(put('NAS, room 4')).toContain(`restore --from 'NAS, room 4' ${rest}`)
  expect(put('nas-2')).toContain(`restore --from nas-2 ${rest}`)
  // A name that is not clear on a command line.
  expect(put('-v')).toContain(`restore --from nas ${rest}`)
  const here = { ...well, settings, scanned, destinations: [] } as typeof well
  expect(heldLines(stateWith({ destinations: [] }), here).join()).toContain(`restore --from embedded ${rest}`)
})
