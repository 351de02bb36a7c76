import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { readFacts } from '../../../../core/check/evidence/read-facts.ts'
import { temporaryDirectory } from '../../../support/temporary.ts'

/** A system with these files below /. */
function makeSystem(files: Record<string, string>): string {
  const root = temporaryDirectory('facts')
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true })
    writeFileSync(path.join(root, name), `${text}\n`)
  }
  return root
}

const device = (type: string, ...names: string[]) => ({ type, names: new Set(names), server: null })
const mount = (type: string) => ({ point: '/data', device: '8:17', type, source: '/dev/sdb1' })
const question = { isHung: false, before: null }

test('facts: ext4’s errors, the state of the disk and its statistics, and nothing of another disk', async () => {
  const ext4 = (name: string, count: number) => ({
    [`sys/fs/ext4/${name}/errors_count`]: `${count}`,
    [`sys/fs/ext4/${name}/first_error_func`]: 'ext4_lookup',
  })
  const root = makeSystem({
    ...ext4('sdb1', 2),
    ...ext4('sdc1', 3),
    'sys/block/sdb/device/state': 'offline',
    'sys/block/sdc/device/state': 'running',
    'proc/diskstats': '   8      17 sdb1 1 2\n   8      33 sdc1 3 4',
    'proc/pressure/io': 'some avg10=99.00',
  })
  const given = { ...question, mount: mount('ext4'), device: device('ext4', 'sdb1', 'sdb', '8:17', 'ata3') }
  const facts = await readFacts(given, root)
  expect(Object.fromEntries(facts.map(({ place, text }) => [place, text]))).toEqual({
    '/sys/fs/ext4/sdb1/errors_count': '2',
    '/sys/fs/ext4/sdb1/first_error_func': 'ext4_lookup',
    '/sys/block/sdb/device/state': 'offline',
    '/proc/diskstats': '   8      17 sdb1 1 2',
    '/proc/pressure/io': 'some avg10=99.00',
  })
})

test('facts: an ext4 without errors has none of its counters', async () => {
  const root = makeSystem({ 'sys/fs/ext4/sdb1/errors_count': '0', 'sys/fs/ext4/sdb1/first_error_time': '0' })
  expect(
    await readFacts({ ...question, mount: mount('ext4'), device: device('ext4', 'sdb1') }, root),
  ).toEqual([])
})

test('facts: the error counters of a pool of btrfs are those of all its devices', async () => {
  const root = makeSystem({
    'sys/fs/btrfs/7c2f/devices/sdb1': '',
    'sys/fs/btrfs/7c2f/devinfo/1/error_stats': 'write_errs 1',
    'sys/fs/btrfs/7c2f/devinfo/2/error_stats': 'write_errs 2',
    'sys/fs/btrfs/other/devices/sdx': '',
    'sys/fs/btrfs/other/devinfo/1/error_stats': 'write_errs 9',
  })
  const facts = await readFacts({ ...question, mount: mount('btrfs'), device: device('btrfs', 'sdb1') }, root)
  expect(facts.map(({ text }) => text)).toEqual(['write_errs 1', 'write_errs 2'])
})

test('facts: a share has its own connection in the mount statistics', async () => {
  const root = makeSystem({
    'proc/self/mountstats': [
      ...['device nas:/x mounted on /other with fstype nfs4', '\tage:\t1', '\txprt:\ttcp 1'],
      ...['device nas:/y mounted on /data with fstype nfs4', '\tage:\t2', '\tcaps:\tlong', '\txprt:\ttcp 2'],
    ].join('\n'),
  })
  const given = { ...question, mount: mount('nfs4'), device: { ...device('nfs4'), server: 'nas' } }
  expect((await readFacts(given, root)).map(({ text }) => text)).toEqual([
    'device nas:/y mounted on /data with fstype nfs4\n\tage:\t2\n\txprt:\ttcp 2',
  ])
})

test('facts: a hang has the calls of this process that wait for a disk, and only those', async () => {
  const root = makeSystem({
    'proc/self/task/10/stat': '10 (pool (1) S) D 1 1',
    'proc/self/task/10/wchan': 'nfs_wait_bit_killable',
    'proc/self/task/11/stat': '11 (main) S 1 1',
    'proc/self/task/11/wchan': 'ep_poll',
  })
  const given = { mount: null, device: device('nfs4'), before: null }
  expect(await readFacts({ ...given, isHung: true }, root)).toEqual([
    { place: '/proc/self/task/10/wchan', text: 'nfs_wait_bit_killable' },
  ])
  expect(await readFacts({ ...given, isHung: false }, root)).toEqual([])
})
