// Files that are at a store already, whose contents cannot get their names.
import { execFileSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { drive, source } from '../../support/destinations/drive.ts'
import type { Place, TestedKind } from '../../support/destinations/kind.ts'
import { s3Kind } from '../../support/destinations/s3-kind.ts'
import { sftpKind } from '../../support/destinations/sftp-kind.ts'
import { webdavKind } from '../../support/destinations/webdav-kind.ts'
import { canMount } from '../../support/faults/mounts.ts'
import { startDavProxy } from '../../support/servers/dav-proxy.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { type Home, makeHome } from '../../support/transfer/transfer.ts'

const KIB = 1024

interface Refusing {
  place: Place
  settings: ReturnType<Place['settings']>
  /** Has the server refuse to give a content its name, from now on or no more. */
  refuse(isRefusing: boolean): void
}

async function openWebdav(home: Home): Promise<Refusing> {
  const place = await webdavKind.open(home)
  const settings = place.settings()
  if (settings.kind !== 'webdav') throw new Error('it is no WebDAV server')
  let isRefusing = false
  const url = await startDavProxy(settings.url, {
    reply: ({ method, headers }) =>
      isRefusing &&
      method === 'MOVE' &&
      headers.overwrite === 'T' &&
      !String(headers.destination).includes('/.holdfast/')
        ? // Locked by another program.
          { status: 423 }
        : null,
  })
  return {
    place,
    settings: { ...settings, url, certificate: null },
    refuse(now) {
      isRefusing = now
    },
  }
}

async function openSftp(home: Home): Promise<Refusing> {
  const place = await sftpKind.open(home)
  const settings = place.settings()
  if (settings.kind !== 'sftp') throw new Error('it is no SFTP server')
  // The flag keeps names from being added to and removed from this directory, but not from others (chattr(1)).
  const change = (flag: '+i' | '-i') =>
    execFileSync('chattr', [flag, path.join(settings.path, settings.folder, source.name)])
  onTestFinished(() => void change('-i'))
  return { place, settings, refuse: (now) => change(now ? '+i' : '-i') }
}

const ceph = s3Kind('ceph')

async function openBucket(home: Home): Promise<Refusing> {
  const place = await ceph.open(home, { megabytes: 1_000 })
  let makeRoom = (): void => undefined
  return {
    place,
    settings: place.settings(),
    // A copy at the server has no bytes to refuse.
    refuse(now) {
      if (now) makeRoom = place.fill?.(0) ?? makeRoom
      else makeRoom()
    },
  }
}

const kinds: { kind: TestedKind; open: (home: Home) => Promise<Refusing> }[] = [
  { kind: sftpKind, open: openSftp },
  { kind: webdavKind, open: openWebdav },
  { kind: ceph, open: openBucket },
]

describe.each(kinds)('$kind.name destination', ({ kind, open }) => {
  beforeAll(() => kind.start?.())
  afterAll(() => kind.stop?.())

  test.for([40, 1_200])(
    'failed namings leave one older version of a file of %i KiB',
    async (kib, { skip }) => {
      if (kind === sftpKind && !canMount) skip('needs root, for chattr')
      const home = await makeHome(temporaryDirectory('failed-naming'))
      const { place, settings, refuse } = await open(home)
      const there = drive(home, settings, place.secrets)
      await there.session()
      const [first, second] = [0, 1].map(() => randomFillSync(Buffer.alloc(kib * KIB)))
      const send = (bytes: Buffer, seconds: number) =>
        there.send('a', bytes, { mtimeNs: BigInt(seconds) * 1_000_000_000n })
      expect(await send(first as Buffer, 1_000_000_000)).toMatchObject({ kind: 'stored' })
      refuse(true)
      for (let time = 0; time < 3; time += 1)
        expect(await send(second as Buffer, 1_000_000_001)).toMatchObject({ kind: 'retry' })
      expect(await place.older('data', 'a')).toEqual([])
      expect((await place.file('data', 'a'))?.bytes.equals(first as Buffer)).toBe(true)
      refuse(false)
      expect(await send(second as Buffer, 1_000_000_001)).toMatchObject({ kind: 'stored' })
      expect((await place.older('data', 'a')).map((older) => older.equals(first as Buffer))).toEqual([true])
      expect((await place.file('data', 'a'))?.bytes.equals(second as Buffer)).toBe(true)
    },
  )
})
