import { describe, expect, it } from 'vitest'
import { freshMemory, type PathMemory } from '../../../core/check/probes/findings.ts'
import { evaluateMount } from '../../../core/check/probes/mount-probe.ts'
import type { Mount } from '../../../core/platform/mounts.ts'

const disk: Mount = {
  id: 50,
  device: '7:0',
  point: '/mnt/disk',
  options: ['rw', 'relatime'],
  type: 'ext4',
  source: '/dev/loop0',
  superOptions: ['rw'],
}
const readOnly: Mount = { ...disk, options: ['ro'] }
const emergency: Mount = { ...disk, superOptions: ['rw', 'abort', 'emergency_ro'] }
const root: Mount = { ...disk, id: 20, device: '254:0', point: '/', source: '/dev/vda' }

/** Evaluates one mount after another, as checks do; returns the causes of failure of each. */
function story(start: PathMemory, ...sights: [Mount, number | null][]) {
  let memory = start
  const causes = sights.map(([mount, errors]) => {
    const evaluated = evaluateMount(memory, mount, errors)
    memory = evaluated.memory
    return evaluated.failures.map(({ cause }) => cause)
  })
  return { causes, memory }
}

describe('mount probe', () => {
  it('accepts a mount that is read-only at the first check as intended', () => {
    const { causes, memory } = story(freshMemory, [readOnly, null], [readOnly, null])
    expect(causes).toEqual([[], []])
    expect(memory.known?.readOnlyByIntent).toBe(true)
  })

  it('drops the read-only intent once the mount has been writable', () => {
    const { causes, memory } = story(freshMemory, [readOnly, null], [disk, null], [readOnly, null])
    expect(causes).toEqual([[], [], ['read-only']])
    expect(memory.known?.readOnlyByIntent).toBe(false)
  })

  it('never accepts an emergency read-only state as intended', () => {
    expect(story(freshMemory, [emergency, null]).causes).toEqual([['emergency']])
    expect(story(freshMemory, [readOnly, null], [emergency, null]).causes).toEqual([[], ['emergency']])
  })

  it('keeps the read-only intent of an earlier run, and its absence', () => {
    const known = { mount: { point: '/mnt/disk', device: '8:1', type: 'ext4', source: '/dev/sda1' } }
    const earlier = (readOnlyByIntent: boolean) => ({ ...freshMemory, known: { ...known, readOnlyByIntent } })
    expect(story(earlier(true), [readOnly, null]).causes).toEqual([[]])
    expect(story(earlier(false), [readOnly, null]).causes).toEqual([['read-only']])
  })

  it('reports a path as missing while its disk is away, and as ok when it returns with another number', () => {
    const back = { ...disk, device: '7:1', source: '/dev/loop1' }
    const { causes, memory } = story(freshMemory, [disk, null], [root, null], [root, null], [back, null])
    expect(causes).toEqual([[], ['unmounted'], ['unmounted'], []])
    expect(memory.known?.mount.device).toBe('7:1')
  })

  it('remembers a disk that was mounted later below the remembered point', () => {
    const { causes, memory } = story(freshMemory, [root, null], [disk, null], [root, null])
    expect(causes).toEqual([[], [], ['unmounted']])
    expect(memory.known?.mount.point).toBe('/mnt/disk')
  })

  it('compares ext4 errors with the count of an earlier run if it is the same disk', () => {
    const mount = { point: '/mnt/disk', device: '8:1', type: 'ext4', source: '/dev/loop0' }
    const earlier = { ...freshMemory, known: { mount, readOnlyByIntent: false }, soundErrorsCount: 2 }
    expect(story(earlier, [disk, 5]).causes).toEqual([['ext4-errors']])
    expect(story(earlier, [disk, 2]).causes).toEqual([[]])
    expect(story(earlier, [{ ...disk, source: '/dev/loop7' }, 5]).causes).toEqual([[]])
  })

  it('reports new ext4 errors until the file system is repaired or remounted', () => {
    expect(story(freshMemory, [disk, 3], [disk, 3], [disk, 5], [disk, 5], [disk, 0]).causes).toEqual([
      [],
      [],
      ['ext4-errors'],
      ['ext4-errors'],
      [],
    ])
    expect(story(freshMemory, [disk, 0], [emergency, 1], [disk, 1], [disk, 2]).causes).toEqual([
      [],
      ['emergency'],
      [],
      ['ext4-errors'],
    ])
    expect(story(freshMemory, [disk, 0], [root, null], [disk, 1]).causes).toEqual([[], ['unmounted'], []])
  })
})
