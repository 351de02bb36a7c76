import { expect, test } from 'vitest'
import { sourceLines } from '../../../cli/folders/folder-lines.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'

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
