// @module-tag story
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { openLibrary } from '../../../core/backends/open.ts'
import { restoreFrom } from '../../../core/restore/restore.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { openForReading } from '../../../core/store/lock.ts'
import { openManifestFile } from '../../../core/store/manifest/manifest.ts'
import { versionPrefix } from '../../../core/store/retention/retention.ts'
import { drive } from '../../support/destinations/drive.ts'
import { folderKind } from '../../support/destinations/folder-kind.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

test('folder destination: a sender that was killed before it recorded a named file leaves no damage to a restore', async () => {
  const home = await makeHome(temporaryDirectory('interrupted'))
  const place = await folderKind.open(home)
  const settings = place.settings()
  if (settings.kind !== 'folder') throw new Error('it is no folder')
  const there = drive(home, settings, {})
  expect(await there.send('a', Buffer.from('older'))).toMatchObject({ kind: 'stored' })
  there.stop()
  const layout = storeLayout(settings.path)
  await until('nobody writes to it', () => {
    const { database, isRunning } = openForReading(layout)
    database.close()
    return !isRunning
  })

  // The round was announced, and the file exchanged; its row is the one of before.
  const { database } = openManifestFile(layout.manifest)
  const version = versionPrefix(new Date(), 9)
  const source = database.prepare('SELECT id FROM source').get() as { id: number }
  const round = database.prepare('INSERT INTO round (id, version, places) VALUES (1, ?, ?)')
  round.run(version, JSON.stringify([[source.id, 'a']]))
  database.close()
  const file = path.join(settings.path, 'station-3/data/a')
  const versions = path.join(settings.path, '.holdfast/versions/station-3/data/a')
  await mkdir(versions, { recursive: true })
  await rename(file, path.join(versions, `${version}0`))
  writeFileSync(file, 'newer')

  const { signal } = new AbortController()
  const library = await openLibrary(
    {
      ...{ destination: { ...settings, id: 'd' }, secrets: {}, key: null },
      ...{ identityDirectory: home.identityDirectory, name: 'station-3', computer: null },
    },
    signal,
  )
  const to = temporaryDirectory('interrupted-to')
  const choice = { folder: null, path: null, version: null, at: null }
  const kinds: string[] = []
  await restoreFrom(
    library,
    [{ choice, destination: to, conflict: 'leave' }],
    { event: async ({ kind }) => void kinds.push(kind), progress: () => undefined },
    signal,
  )
  library.close()
  expect(kinds).toEqual(['restored'])
  expect(readFileSync(path.join(to, 'data/a'), 'utf8')).toBe('newer')
  expect((await place.older('data', 'a')).map(String)).toEqual(['older'])
})
