import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import type { DiskFacts } from '../../../core/check/checker-messages.ts'
import {
  findDiskFindings,
  getDiskHealth,
  listAcceptable,
  listReadings,
  lowerAccepted,
} from '../../../core/check/health/disk-health.ts'
import {
  type DiskSystem,
  type Program,
  parseSmartctl,
  parseZpool,
  readDisks,
} from '../../../core/check/health/read-disks.ts'
import type { Mount } from '../../../core/platform/mounts.ts'
import {
  asleep,
  ataOutput,
  brokenAnswer,
  noSmart,
  notPermitted,
  nvmeOutput,
  otherAttributes,
  scsiOutput,
} from '../../support/check/smartctl-outputs.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const NOW = 1_795_000_000_000
const ran = (output: string, status: number | string = 0): Program => ({ status, output, errors: '' })

describe('smartctl output', () => {
  test.each([
    ['a SATA disk', ataOutput({ pending: 12 }), { 'smart-failed': 0, 'below-threshold': 0, pending: 12 }],
    [
      'a failing disk',
      ataOutput({ failing: true, reallocated: 1975 }),
      { 'smart-failed': 1, 'below-threshold': 1 },
    ],
    [
      'an NVMe disk',
      nvmeOutput({ warning: 4, spare: 6, used: 97, media: 3 }),
      { 'nvme-warning': 4, 'low-spare': 6, worn: 97, 'media-errors': 3 },
    ],
    ['a SAS disk', scsiOutput, { 'smart-failed': 0, reallocated: 56 }],
  ])('the counters of %s are read', (_, output, counters) => {
    const read = parseSmartctl(ran(output, 24))
    expect(read.result).toBe('read')
    expect(read.counters).toMatchObject(counters)
  })

  test('an NVMe disk above its threshold has no finding about spare blocks', () => {
    expect(parseSmartctl(ran(nvmeOutput({ spare: 10 }))).counters).not.toHaveProperty('low-spare')
  })

  test.each([
    [
      'attribute 187',
      { id: 187, name: 'Reported_Uncorrect', raw: { value: 4, string: '4' } },
      { uncorrectable: 4 },
    ],
    [
      'a value with others in its upper bits',
      { id: 5, name: 'Reallocated_Sector_Ct', raw: { value: 0x3000c, string: '12 (0 3)' } },
      { reallocated: 12 },
    ],
    [
      'a value without its text',
      { id: 197, name: 'Current_Pending_Sector', raw: { value: 2 ** 40 + 7 } },
      { pending: 7 },
    ],
  ])('%s is read', (_, attribute, counters) => {
    const output = {
      smartctl: {},
      smart_status: { passed: true },
      ata_smart_attributes: { table: [attribute] },
    }
    expect(parseSmartctl(ran(JSON.stringify(output))).counters).toMatchObject(counters)
  })

  test('the uncorrected errors of a SAS disk are added up', () => {
    const log = (total: number) => ({ errors_corrected_by_eccfast: 9, total_uncorrected_errors: total })
    const scsi_error_counter_log = { read: log(3), write: log(1) }
    const output = JSON.stringify({ ...JSON.parse(scsiOutput), scsi_error_counter_log })
    expect(parseSmartctl(ran(output)).counters).toMatchObject({ reallocated: 56, uncorrectable: 4 })
  })

  test('an attribute with another name than that of its number is ignored', () => {
    expect(parseSmartctl(ran(otherAttributes)).counters).not.toHaveProperty('pending')
  })

  test.each([
    ['a missing program', ran('', 'ENOENT'), 'no-program'],
    ['a program that this user may not run', ran('', 'EACCES'), 'not-permitted'],
    ['a device that this user may not open', ran(notPermitted, 2), 'not-permitted'],
    ['a virtual disk', ran(noSmart, 1), 'unsupported'],
    ['a disk that sleeps', ran(asleep, 192), 'asleep'],
    ['a program that does not return', ran('', 'late'), 'late'],
    ['a disk that refuses', ran(brokenAnswer, 4), 'failed'],
    ['an output that is no JSON', ran('smartctl: bad', 1), 'failed'],
  ])('%s is reported as such, never as read', (_, program, result) => {
    expect(parseSmartctl(program)).toMatchObject({ result, counters: {} })
  })
})

const facts = (changes: Partial<DiskFacts>): DiskFacts => ({
  ...{ id: 'd', kind: 'disk', name: 'sda', model: null, serial: null, folders: [], smart: 'read' },
  ...{ reason: null, readAt: NOW, counters: {}, isRebuilding: false, ...changes },
})

describe('findings about a disk', () => {
  test('the gravest comes first, and sound values are none', () => {
    const counters = { reallocated: 8, pending: 12, 'smart-failed': 0, worn: 89, uncorrectable: 0 }
    expect(findDiskFindings(facts({ counters }), {})).toEqual([
      { kind: 'pending', value: 12 },
      { kind: 'reallocated', value: 8 },
    ])
  })

  test('an accepted value is reported again once it is worse', () => {
    const counters = { reallocated: 8, 'low-spare': 6 }
    const accepted = { d: listAcceptable(facts({ counters }), {}) }
    expect(accepted).toEqual({ d: counters })
    expect(findDiskFindings(facts({ counters }), accepted)).toEqual([])
    expect(findDiskFindings(facts({ counters: { reallocated: 9, 'low-spare': 7 } }), accepted)).toEqual([
      { kind: 'reallocated', value: 9 },
    ])
    expect(findDiskFindings(facts({ counters: { 'low-spare': 5 } }), accepted)).toHaveLength(1)
  })

  test('a failed self-assessment and a pool that is not online cannot be accepted', () => {
    const broken = facts({ counters: { 'smart-failed': 1, 'not-online': 1 } })
    expect(listAcceptable(broken, {})).toEqual({})
    expect(findDiskFindings(broken, { d: { 'smart-failed': 1, 'not-online': 1 } })).toHaveLength(2)
  })

  test('an array that lacks a disk by design can be accepted, and is reported again if it loses one later', () => {
    const lacking = (count: number) => facts({ kind: 'array', counters: { 'missing-disks': count } })
    const accepted = { d: listAcceptable(lacking(1), {}), other: { pending: 3 } }
    expect(findDiskFindings(lacking(1), accepted)).toEqual([])
    expect(findDiskFindings(lacking(2), accepted)).toHaveLength(1)
    expect(lowerAccepted(accepted, [lacking(1)])).toBe(accepted)
    expect(lowerAccepted(accepted, [facts({ counters: {} })])).toBe(accepted)
    const whole = lowerAccepted(accepted, [lacking(0)])
    expect(whole).toEqual({ d: { 'missing-disks': 0 }, other: { pending: 3 } })
    expect(findDiskFindings(lacking(1), whole)).toEqual([{ kind: 'missing-disks', value: 1 }])
  })

  test('a disk that was never read is unknown, not OK', () => {
    expect(getDiskHealth(facts({ readAt: null, smart: 'not-permitted' }), {})).toBe('unknown')
    expect(getDiskHealth(facts({}), {})).toBe('ok')
  })
})

const ZPOOL = `  pool: tank
 state: DEGRADED
status: One or more devices has been removed by the administrator.
  scan: resilver in progress since Fri Nov 27 01:02:03 2026
config:

	NAME                STATE     READ WRITE CKSUM
	tank                DEGRADED     0     0     0
	  mirror-0          DEGRADED     0     0     0
	    /dev/sdc1       ONLINE       0     0     4
	    /dev/sdd1       REMOVED      0     0     0

errors: No known data errors
`

test('zpool status: the state, the errors and the disks that are there are read', () => {
  expect(parseZpool(ZPOOL)).toEqual({
    ...{ isOnline: false, isResilvering: true, deviceErrors: 4, missing: 1, devices: ['/dev/sdc1'] },
  })
  expect(parseZpool('no pools available')).toBeNull()
})

test.each([
  ['damaged data without counters', '', "errors: 3 data errors, use '-v' for a list", 3],
  [
    'errors of a raidz',
    '\t  raidz1-0          ONLINE       0     0     6\n',
    'errors: No known data errors',
    6,
  ],
  [
    'errors of the pool',
    '\ttank                ONLINE       2     0     5\n',
    'errors: No known data errors',
    7,
  ],
])('zpool status: %s are counted', (_, line, end, errors) => {
  const sound = `    /dev/sdc1       ONLINE       0     0     0\n`
  expect(parseZpool(` state: ONLINE\nconfig:\n\n${line}${sound}\n${end}\n`)).toMatchObject({
    ...{ deviceErrors: errors, missing: 0, devices: ['/dev/sdc1'] },
  })
})

test('zpool status: a device that has only a number is missing', () => {
  const text = ' state: DEGRADED\n\n\t    1234567890123  UNAVAIL      0     0     0  was /dev/sdd1\n'
  expect(parseZpool(text)).toMatchObject({ missing: 1, devices: [] })
})

/** A recorded /sys: files with their contents; "-> target" is a link, "/" an empty directory. */
function recordedSystem(files: Record<string, string>, answers: Record<string, Program> = {}) {
  const root = temporaryDirectory('sys')
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(root, name)
    mkdirSync(content === '/' ? file : path.dirname(file), { recursive: true })
    if (content.startsWith('-> ')) symlinkSync(path.join(root, content.slice(3)), file)
    else if (content !== '/') writeFileSync(file, `${content}\n`)
  }
  const asked: string[] = []
  const system: DiskSystem = {
    root,
    run: async (program, parameters) => {
      asked.push([program, ...parameters].join(' '))
      const device = parameters.slice(parameters.indexOf('-d')).join(' ')
      return answers[device] ?? answers[parameters.at(-1) ?? ''] ?? ran('', 'ENOENT')
    },
  }
  return { system, asked }
}

const mount = (point: string, changes: Partial<Mount>): Mount => ({
  ...{ id: 1, device: '8:1', point, options: ['rw'], type: 'ext4', source: '/dev/sda1', superOptions: [] },
  ...changes,
})
const root = mount('/', {})
const at = (id: string, file: string) => ({ id, path: file, knownPoint: null })

const SDA = {
  'sys/devices/sda/device/model': 'WDC WD40EFRX',
  'sys/devices/sda/device/wwid': 'naa.50014ee2b5a1',
  'sys/devices/sda/sda1/partition': '1',
  'sys/dev/block/8:1': '-> sys/devices/sda/sda1',
}

describe('disks of paths', () => {
  test('two folders on a partition are on one disk, with its SMART', async () => {
    const { system, asked } = recordedSystem(SDA, { '/dev/sda': ran(ataOutput({ pending: 12 })) })
    const disks = await readDisks([at('a', '/data'), at('b', '/srv')], [root], [], NOW, system)
    expect(disks).toMatchObject([
      {
        ...{ kind: 'disk', name: 'sda', model: 'WDC WD40EFRX-68N32N0', serial: '4711', folders: ['a', 'b'] },
        ...{ smart: 'read', readAt: NOW, counters: { pending: 12 } },
      },
    ])
    expect(disks[0]?.id).not.toContain('naa')
    expect(asked).toEqual(['smartctl --json=c -i -H -A -l error -n standby,192 /dev/sda'])
  })

  test('the disks behind a RAID controller are read with their types, and a volume without them is unsupported', async () => {
    const volume = 'sys/devices/pci0/host3/target3:2:0/3:2:0:0/block/sda'
    const files = {
      [`${volume}/device/model`]: 'PERC H730',
      [`${volume}/device/wwid`]: 'naa.6c81',
      'sys/class/block/sda': `-> ${volume}`,
      'sys/dev/block/8:0': `-> ${volume}`,
    }
    const device = (name: string, type: string) => ({ name, info_name: name, type, protocol: 'SCSI' })
    const devices = [
      device('/dev/bus/3', 'megaraid,0'),
      device('/dev/bus/3', 'megaraid,4'),
      device('/dev/bus/1', 'x'),
    ]
    const answers = {
      '/dev/sda': ran(noSmart, 1),
      '--json=c': ran(JSON.stringify({ devices })),
      '-d megaraid,0 /dev/bus/3': ran(scsiOutput),
      '-d megaraid,4 /dev/bus/3': ran(ataOutput({ pending: 2 })),
    }
    const { system, asked } = recordedSystem(files, answers)
    const raid = mount('/r', { device: '8:0', source: '/dev/sda' })
    const read = (one: DiskSystem) => readDisks([at('a', '/r')], [raid], [], NOW, one)
    expect(await read(system)).toMatchObject([
      { name: 'sda megaraid,0', smart: 'read', folders: ['a'], counters: { reallocated: 56 } },
      { name: 'sda megaraid,4', smart: 'read', folders: ['a'], counters: { pending: 2 } },
    ])
    expect(asked).toContain('smartctl --scan-open --json=c')
    const without = recordedSystem(files, { '/dev/sda': ran(noSmart, 1) })
    expect(await read(without.system)).toMatchObject([{ name: 'sda', smart: 'unsupported' }])
  })

  test('the disks of a controller are one entry each, whichever of its volumes they are behind', async () => {
    const place = (name: string) => `sys/devices/pci0/host3/target3:2:0/${name}/block/${name}`
    const files = Object.fromEntries(
      ['sda', 'sdb'].flatMap((name, index) => [
        [`${place(name)}/device/wwid`, `naa.6c8${index}`],
        [`sys/class/block/${name}`, `-> ${place(name)}`],
        [`sys/dev/block/8:${index * 16}`, `-> ${place(name)}`],
      ]),
    )
    const mute = { '/dev/sda': ran(noSmart, 1), '/dev/sdb': ran(noSmart, 1) }
    const devices = [0, 1].map((number) => ({ name: '/dev/bus/3', type: `megaraid,${number}` }))
    const scan = { '--json=c': ran(JSON.stringify({ devices })) }
    const mounts = [mount('/a', { device: '8:0' }), mount('/b', { device: '8:16' })]
    const read = async (answers: Record<string, Program>) => {
      const { system, asked } = recordedSystem(files, { ...mute, ...scan, ...answers })
      return { disks: await readDisks([at('a', '/a'), at('b', '/b')], mounts, [], NOW, system), asked }
    }
    const answers = {
      '-d megaraid,0 /dev/bus/3': ran(scsiOutput),
      '-d megaraid,1 /dev/bus/3': ran(ataOutput({ pending: 2 })),
    }
    const { disks, asked } = await read(answers)
    expect(disks).toMatchObject([
      { smart: 'read', folders: expect.arrayContaining(['a', 'b']), counters: { reallocated: 56 } },
      { smart: 'read', folders: expect.arrayContaining(['a', 'b']), counters: { pending: 2 } },
    ])
    expect(asked.filter((one) => one.includes('megaraid'))).toHaveLength(2)

    const unsupported = {
      '-d megaraid,0 /dev/bus/3': ran(noSmart, 1),
      '-d megaraid,1 /dev/bus/3': ran(noSmart, 1),
    }
    expect((await read(unsupported)).disks).toMatchObject([
      { name: 'sda', smart: 'unsupported', folders: ['a'] },
      { name: 'sdb', smart: 'unsupported', folders: ['b'] },
    ])
    expect(
      (await read({ ...answers, ...unsupported, ...{ '-d megaraid,1 /dev/bus/3': ran(scsiOutput) } })).disks,
    ).toMatchObject([
      { smart: 'read', folders: expect.arrayContaining(['a', 'b']), counters: { reallocated: 56 } },
    ])
  })

  test('an array on encrypted disks is found with all its disks', async () => {
    const { system } = recordedSystem(
      {
        ...SDA,
        'sys/devices/sdb/device/model': 'ST4000',
        'sys/devices/dm-0/slaves/md0': '-> sys/devices/md0',
        'sys/dev/block/253:0': '-> sys/devices/dm-0',
        'sys/devices/md0/slaves/sda1': '-> sys/devices/sda/sda1',
        'sys/devices/md0/slaves/sdb': '-> sys/devices/sdb',
        'sys/devices/md0/md/level': 'raid1',
        'sys/devices/md0/md/array_state': 'clean',
        'sys/devices/md0/md/sync_action': 'recover',
        'sys/devices/md0/md/degraded': '1',
        'sys/devices/md0/md/mismatch_cnt': '128',
      },
      { '/dev/sda': ran(ataOutput()), '/dev/sdb': ran(asleep, 192) },
    )
    const disks = await readDisks(
      [at('a', '/raid/x')],
      [root, mount('/raid', { device: '253:0' })],
      [],
      NOW,
      system,
    )
    expect(disks.map(({ kind, name, folders }) => [kind, name, folders])).toEqual([
      ['array', 'md0', ['a']],
      ['disk', 'sda', ['a']],
      ['disk', 'sdb', ['a']],
    ])
    // md(4): mismatches of a mirror are harmless.
    expect(disks[0]).toMatchObject({ isRebuilding: true, smart: null, counters: { 'missing-disks': 1 } })
    expect(findDiskFindings(disks[0] as DiskFacts, {})).toEqual([{ kind: 'missing-disks', value: 1 }])
    expect(disks[2]).toMatchObject({ smart: 'asleep', readAt: null, counters: {} })
  })

  test('mismatches of an array with parity are counted', async () => {
    const { system } = recordedSystem({
      'sys/devices/md5/md/level': 'raid6',
      'sys/devices/md5/md/array_state': 'broken',
      'sys/devices/md5/md/mismatch_cnt': '8',
      'sys/dev/block/9:5': '-> sys/devices/md5',
    })
    const disks = await readDisks(
      [at('a', '/m')],
      [mount('/m', { device: '9:5', type: 'xfs' })],
      [],
      NOW,
      system,
    )
    expect(disks[0]?.counters).toEqual({ 'not-online': 1, 'missing-disks': 0, mismatch: 8 })
  })

  test('a btrfs file system adds up the errors of its devices', async () => {
    const place = 'sys/fs/btrfs/0c7d3c1e-aaaa'
    const { system } = recordedSystem({
      ...SDA,
      [`${place}/label`]: 'archive',
      [`${place}/devices/sda1`]: '-> sys/devices/sda/sda1',
      [`${place}/devinfo/1/error_stats`]:
        'write_errs 2\nread_errs 1\nflush_errs 0\ncorruption_errs 4\ngeneration_errs 0',
      [`${place}/devinfo/1/missing`]: '0',
      [`${place}/devinfo/2/error_stats`]: 'write_errs 0\nread_errs 0',
      [`${place}/devinfo/2/missing`]: '1',
    })
    const btrfs = mount('/b', { type: 'btrfs', device: '0:45' })
    const disks = await readDisks([at('a', '/b')], [root, btrfs], [], NOW, system)
    expect(disks).toMatchObject([
      { kind: 'pool', name: 'archive', counters: { 'device-errors': 7, 'missing-disks': 1 } },
      { kind: 'disk', name: 'sda', smart: 'no-program' },
    ])
  })

  test('a btrfs file system on an encrypted disk is found by the name of its device', async () => {
    const place = 'sys/fs/btrfs/0c7d3c1e-aaaa'
    const { system } = recordedSystem({
      ...SDA,
      'sys/devices/dm-3/dm/name': 'luks-0c7d',
      'sys/devices/dm-3/slaves/sda1': '-> sys/devices/sda/sda1',
      'sys/fs/btrfs/0000aaaa/devices/dm-9/dm/name': 'luks-other',
      'sys/fs/btrfs/0000aaaa/label': 'another',
      [`${place}/label`]: 'archive',
      [`${place}/devices/dm-3`]: '-> sys/devices/dm-3',
      [`${place}/devinfo/1/error_stats`]: 'write_errs 2',
      [`${place}/devinfo/1/missing`]: '0',
    })
    const btrfs = mount('/b', { type: 'btrfs', device: '0:45', source: '/dev/mapper/luks-0c7d' })
    const disks = await readDisks([at('a', '/b')], [root, btrfs], [], NOW, system)
    expect(disks).toMatchObject([
      { kind: 'pool', name: 'archive', counters: { 'device-errors': 2 } },
      { kind: 'disk', name: 'sda', folders: ['a'] },
    ])
  })

  test('a ZFS pool is read by zpool, with the disks below it; without it, the state is unknown', async () => {
    const files = {
      ...SDA,
      'sys/devices/sdc/sdc1/partition': '1',
      'sys/class/block/sdc1': '-> sys/devices/sdc/sdc1',
    }
    const zfs = mount('/z', { type: 'zfs', device: '0:50', source: 'tank/data' })
    const { system, asked } = recordedSystem(files, { tank: ran(ZPOOL) })
    const read = () => readDisks([at('a', '/z')], [root, zfs], [], NOW, system)
    expect(await read()).toMatchObject([
      { kind: 'disk', name: 'sdc' },
      { kind: 'pool', name: 'tank', counters: { 'not-online': 1, 'missing-disks': 1, 'device-errors': 4 } },
    ])
    expect(asked[0]).toBe('zpool status -p -P -L -- tank')
    const without = recordedSystem(files)
    const [pool] = await readDisks([at('a', '/z')], [zfs], [], NOW, without.system)
    expect(pool).toMatchObject({ readAt: null, reason: 'zpool: ENOENT' })
    expect(getDiskHealth(pool as DiskFacts, {})).toBe('unknown')
  })

  test('a disk that falls asleep keeps its last values', async () => {
    const { system } = recordedSystem(SDA, { '/dev/sda': ran(asleep, 192) })
    const awake = recordedSystem(SDA, { '/dev/sda': ran(ataOutput({ pending: 12 })) })
    const before = await readDisks([at('a', '/data')], [root], [], NOW, awake.system)
    const [disk] = await readDisks([at('a', '/data')], [root], before, NOW + 1, system)
    expect(disk).toMatchObject({ smart: 'asleep', readAt: NOW, serial: '4711', counters: { pending: 12 } })
  })

  test('a disk that may not be queried any more is unknown', async () => {
    const awake = recordedSystem(SDA, { '/dev/sda': ran(ataOutput()) })
    const before = await readDisks([at('a', '/data')], [root], [], NOW, awake.system)
    const { system } = recordedSystem(SDA, { '/dev/sda': ran(notPermitted, 2) })
    expect(await readDisks([at('a', '/data')], [root], before, NOW, system)).toMatchObject([{ readAt: null }])
  })

  test('a path whose disk is absent, and a share, are on no disk here', async () => {
    const { system } = recordedSystem(SDA)
    const paths = [{ id: 'a', path: '/media/usb/x', knownPoint: '/media/usb' }, at('b', '/nas')]
    const share = mount('/nas', { type: 'nfs4', device: '0:60', source: 'nas:/x' })
    expect(await readDisks(paths, [root, share], [], NOW, system)).toEqual([])
  })
})

test('readings: those of a path have their time and values, or why there are no new ones', async () => {
  const paths = [at('a', '/data'), at('b', '/data')]
  const read = async (program: Program, before: readonly DiskFacts[]) =>
    readDisks(paths, [root], before, NOW, recordedSystem(SDA, { '/dev/sda': program }).system)
  const awake = await read(ran(ataOutput({ pending: 12 })), [])
  const sleeping = await read(ran(asleep, 192), awake)
  const locked = await read(ran(notPermitted, 2), [])
  const time = '2026-11-18T11:06:40.000Z'
  const later = '2026-11-18T11:36:40.000Z'
  const values = expect.stringContaining('pending 12')
  expect(listReadings({ at: NOW, all: awake }, 'a')).toEqual([
    { place: `smartctl sda (${time})`, text: values },
  ])
  expect(listReadings({ at: NOW + 1_800_000, all: sleeping }, 'a')).toEqual([
    {
      place: `smartctl sda (${later})`,
      text: expect.stringMatching(new RegExp(`^asleep, values of ${time}, .*pending 12`)),
    },
  ])
  expect(listReadings({ at: NOW, all: locked }, 'a')).toEqual([
    { place: `smartctl sda (${time})`, text: 'not-permitted' },
  ])
  expect(listReadings({ at: NOW, all: awake }, 'another')).toEqual([])
  expect(listReadings({ at: null, all: [] }, 'a')).toEqual([])
})
