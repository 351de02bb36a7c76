import { describe, expect, it } from 'vitest'
import { readKernelLog, troubledDevice, watchKernelLog } from '../../../core/check/kernel/kernel-log.ts'
import { until } from '../../support/until.ts'

describe('a record of the kernel log', () => {
  it.each([
    ['2,1364,6248138535,-;EXT4-fs (loop1): Remounting filesystem read-only\n', 'loop1'],
    [
      '2,1362,6248136143,-;EXT4-fs error (device sda1): __ext4_remount:6785: comm mount: Abort forced by user\n',
      'sda1',
    ],
    ['3,1363,6248137197,-;Aborting journal on device loop1-8.\n', 'loop1'],
    ['3,1363,6248137197,-;Aborting journal on device dm-0-8.\n SUBSYSTEM=block\n DEVICE=b253:0\n', 'dm-0'],
    ['6,900,1,-;BTRFS info (device sdb1: state EA): forced readonly\n', 'sdb1'],
    ['6,900,1,-;BTRFS info (device sdb1): forced readonly\n', 'sdb1'],
    [
      '1,900,1,-;XFS (dm-3): Log I/O Error (0x2) detected at xlog_ioend_work. Shutting down filesystem.\n',
      'dm-3',
    ],
    ['1,900,1,-;XFS (sdc1): User initiated shutdown received.\n', 'sdc1'],
    // Well file systems, other subsystems, and what a user wrote there.
    ['6,1361,6246927990,-;EXT4-fs (loop2): mounted filesystem 33a4 r/w with ordered data mode.\n', null],
    ['6,1367,6249291531,-;EXT4-fs (loop2): unmounting filesystem 33a4.\n', null],
    ['3,1366,6248255467,-;I/O error, dev loop2, sector 17410 op 0x0:(READ)\n', null],
    ['12,1366,6248255467,-;EXT4-fs (loop1): Remounting filesystem read-only\n', null],
    ['', null],
    ['no record', null],
  ])('%j tells of %s', (record, device) => {
    expect(troubledDevice(record)).toBe(device)
  })

  it('leads to the mount points of its device, until it is of no interest any more', async () => {
    const told: string[][] = []
    let isEnded = false
    const records = async function* () {
      yield '6,1,1,-;EXT4-fs (loop2): mounted filesystem\n'
      yield '2,2,1,-;EXT4-fs (loop1): Remounting filesystem read-only\n'
      yield '2,3,1,-;EXT4-fs (elsewhere): Remounting filesystem read-only\n'
      await until('the first to be told', () => told.length > 0)
      stop()
      yield '2,4,1,-;EXT4-fs (loop1): Remounting filesystem read-only\n'
      isEnded = true
    }
    const pointsOf = async (device: string) => (device === 'loop1' ? ['/mnt/a', '/mnt/b'] : [])
    const stop = watchKernelLog((points) => told.push(points), records, pointsOf)
    await until('the records to be read', () => told.length > 0)
    expect(told).toEqual([['/mnt/a', '/mnt/b']])
    expect(isEnded).toBe(false)
  })

  it('has no records where something else has its name, as /dev/null in a container', async () => {
    const records: string[] = []
    for await (const record of readKernelLog('/dev/null')) records.push(record)
    expect(records).toEqual([])
  })

  it('is done without where it may not be read', async () => {
    const refused = () => {
      throw new Error('EPERM')
    }
    watchKernelLog(() => expect.fail('nothing was read'), refused)()
  })
})
