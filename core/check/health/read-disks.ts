import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdir, readFile, realpath } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { expectErrorCodes, ignoreError } from '../../dropped-errors.ts'
import { LATE, withTimeout } from '../../lib/async/timing.ts'
import { findMount, isWithin, type Mount } from '../../platform/mounts.ts'
import type { DiskCounters } from '../../settings/disk-counters.ts'
import type { DiskFacts, SmartResult } from '../checker-messages.ts'

// Reads the health of the disks below some paths: finds the disks, arrays and pools of their mounts in sysfs, reads the
// kernel's counters, and runs smartctl(8) and zpool(8). Writes nothing, wakes no disk, and opens none itself. The
// parsers, which are pure, stand at the end.

/** Time limit of a program, and of everything that is read from sysfs for one disk, in milliseconds. */
const WITHIN_MS = 20_000
/** smartctl's exit status for a disk that sleeps. Without the self-test log, it does not set the higher bit itself. */
const ASLEEP = 0xc0
/** SAS disks have their uncorrected errors in the error log. */
const PARAMETERS = ['--json=c', '-i', '-H', '-A', '-l', 'error', '-n', `standby,${ASLEEP}`]
/** Levels of md arrays whose disks must agree; md(4) explains harmless mismatches of the others. */
const PARITY_LEVELS = /^raid[456]$/
/** Administrators' programs, which the search path of other users lacks. */
const MORE_PROGRAMS = ['/usr/local/sbin', '/usr/sbin', '/sbin']

export interface Program {
  /** The exit status; or the error name, such as ENOENT, if it did not run; or "late". */
  status: number | string
  output: string
  errors: string
}

/** The system that is read; tests replace it by a recorded one. */
export interface DiskSystem {
  /** Directory that stands for /, with sys/ in it. */
  root: string
  run(program: string, parameters: readonly string[]): Promise<Program>
}

/** Programs that did not return in time. A disk that hangs is not queried again before its program has ended. */
const running = new Set<string>()

export const thisSystem: DiskSystem = {
  root: '/',
  run: async (program, parameters) => {
    const name = [program, ...parameters].join(' ')
    if (running.has(name)) return { status: 'late', output: '', errors: '' }
    running.add(name)
    const ended = runProgram(program, parameters).finally(() => running.delete(name))
    const result = await withTimeout(WITHIN_MS, ended)
    return result === LATE ? { status: 'late', output: '', errors: '' } : result
  },
}

function runProgram(program: string, parameters: readonly string[]): Promise<Program> {
  const search = [process.env.PATH ?? '', ...MORE_PROGRAMS].join(path.delimiter)
  const options = {
    env: { ...process.env, PATH: search, LC_ALL: 'C' },
    // A process that waits for a disk ends only later.
    ...{ timeout: WITHIN_MS, killSignal: 'SIGKILL' as const, maxBuffer: 4 * 1024 * 1024 },
  }
  return new Promise((resolve) => {
    execFile(program, parameters, options, (error, output, errors) =>
      resolve({ status: error === null ? 0 : (error.code ?? 'late'), output, errors }),
    )
  })
}

interface PathOfDisk {
  id: string
  path: string
  /** The last known mount point; null: unknown. */
  knownPoint: string | null
}

/**
 * Returns the disks, arrays and pools that these paths are on.
 * @param before earlier facts, which a disk keeps while it sleeps or does not answer
 */
export async function readDisks(
  paths: readonly PathOfDisk[],
  mounts: readonly Mount[],
  before: readonly DiskFacts[],
  now: number,
  system: DiskSystem = thisSystem,
): Promise<DiskFacts[]> {
  const byDevice = Map.groupBy(
    paths.flatMap((one) => {
      const mount = findMount(mounts, one.path)
      return mount === null || isAbsent(one, mount) ? [] : [{ id: one.id, mount }]
    }),
    // A file system has one device number, whatever name its mounts have for its device.
    ({ mount }) => `${mount.type} ${mount.device}`,
  )
  const found = new Map<string, DiskFacts & { device: string }>()
  for (const group of byDevice.values()) {
    const [first] = group
    if (first === undefined) continue
    const read = await withTimeout(WITHIN_MS, findDevices(first.mount, system))
    for (const one of read === LATE ? [] : read) {
      const known = found.get(one.id)
      const folders = [...new Set([...(known?.folders ?? []), ...group.map(({ id }) => id)])]
      found.set(one.id, { ...(known ?? one), folders })
    }
  }
  const direct = await Promise.all(
    [...found.values()].map(async ({ device, ...facts }) => {
      if (facts.kind !== 'disk' || facts.smart === 'unsupported') return { device, facts, isMute: false }
      const read = await addSmart(facts, [`/dev/${device}`], before, now, system)
      return { device, facts: read, isMute: read.smart === 'unsupported' }
    }),
  )
  const behind = await readBehind(
    direct.filter(({ isMute }) => isMute),
    before,
    now,
    system,
  )
  const replaced = new Set(behind.flatMap(({ volumes }) => volumes))
  return [...direct.filter((one) => !replaced.has(one)), ...behind]
    .map(({ facts }) => facts)
    .sort((a, b) => a.name.localeCompare(b.name))
}

/** True if the path's own disk is not mounted: its directory is then on the disk above. */
function isAbsent({ knownPoint }: PathOfDisk, { point }: Mount): boolean {
  return knownPoint !== null && knownPoint !== point && isWithin(knownPoint, point)
}

type Found = DiskFacts & { device: string }

const newFacts = (kind: DiskFacts['kind'], name: string, id: string): Found => ({
  ...{ id, kind, name, device: name, model: null, serial: null, folders: [] },
  ...{ smart: null, reason: null, readAt: null, counters: {}, isRebuilding: false },
})

/** Returns the pool, the arrays and the disks of a mount; empty: it is on no local disk. */
async function findDevices(mount: Mount, system: DiskSystem): Promise<Found[]> {
  if (mount.type === 'zfs') return findZfs(mount, system)
  if (mount.type === 'btrfs') return findBtrfs(mount, system)
  const directory = await resolve(system, `sys/dev/block/${mount.device}`)
  if (directory === null) return []
  return walkDevices(directory, system)
}

/** Follows partitions, encrypted devices, volumes and arrays down to whole disks; the device above comes first. */
async function walkDevices(directory: string, system: DiskSystem): Promise<Found[]> {
  const text = (name: string) => readText(path.join(directory, name))
  if ((await text('partition')) !== null) return walkDevices(path.dirname(directory), system)
  const name = path.basename(directory).replaceAll('!', '/')
  const slaves = await list(path.join(directory, 'slaves'))
  const below: Found[] = []
  for (const slave of slaves) {
    const target = await resolve(system, path.relative(system.root, path.join(directory, 'slaves', slave)))
    if (target !== null) below.push(...(await walkDevices(target, system)))
  }
  const level = await text('md/level')
  if (level !== null) return [await readArray(directory, name, level), ...below]
  if (slaves.length > 0) return below
  const identifier = (await text('device/wwid')) ?? (await text('wwid'))
  const facts = newFacts('disk', name, identifier === null ? name : hash(identifier))
  facts.model = (await text('device/model')) ?? null
  facts.serial = shorten(await text('device/serial'))
  facts.smart =
    (await resolve(system, path.relative(system.root, path.join(directory, 'device')))) === null
      ? 'unsupported'
      : null
  return [facts]
}

async function readArray(directory: string, name: string, level: string): Promise<Found> {
  const md = (file: string) => path.join(directory, 'md', file)
  const [state, action, degraded, mismatch, uuid] = [
    await readText(md('array_state')),
    await readText(md('sync_action')),
    await readNumber(md('degraded')),
    await readNumber(md('mismatch_cnt')),
    await readText(md('uuid')),
  ]
  const facts = newFacts('array', name, uuid === null ? name : hash(uuid))
  facts.model = level
  facts.readAt = state === null ? null : Date.now()
  facts.isRebuilding = action !== null && /^(recover|resync|reshape)$/.test(action)
  facts.counters = {
    'not-online': Number(state === 'broken' || state === 'inactive'),
    'missing-disks': degraded ?? 0,
    ...(PARITY_LEVELS.test(level) && mismatch !== null ? { mismatch } : {}),
  }
  return facts
}

async function findBtrfs(mount: Mount, system: DiskSystem): Promise<Found[]> {
  const place = path.join(system.root, 'sys/fs/btrfs')
  for (const uuid of await list(place)) {
    const devices = await list(path.join(place, uuid, 'devices'))
    // The kernel lists encrypted devices and volumes as dm-0, mounts have their names below /dev/mapper.
    const mapped = await Promise.all(
      devices.map((device) => readText(path.join(place, uuid, 'devices', device, 'dm/name'))),
    )
    if (![...devices, ...mapped].includes(path.basename(mount.source))) continue
    const label = await readText(path.join(place, uuid, 'label'))
    const facts = newFacts('pool', label || uuid.slice(0, 8), hash(uuid))
    const infos = await list(path.join(place, uuid, 'devinfo'))
    let [errors, missing] = [0, 0]
    for (const one of infos) {
      const info = path.join(place, uuid, 'devinfo', one)
      const stats = (await readText(path.join(info, 'error_stats'))) ?? ''
      errors += [...stats.matchAll(/_errs (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0)
      missing += Number(await readText(path.join(info, 'missing')))
    }
    facts.model = 'btrfs'
    facts.readAt = infos.length === 0 ? null : Date.now()
    facts.counters = { 'device-errors': errors, 'missing-disks': missing }
    const directories = await Promise.all(
      devices.map((device) =>
        resolve(system, path.relative(system.root, path.join(place, uuid, 'devices', device))),
      ),
    )
    const below = await Promise.all(
      directories.flatMap((directory) => (directory === null ? [] : [walkDevices(directory, system)])),
    )
    return [facts, ...below.flat()]
  }
  return []
}

async function findZfs(mount: Mount, system: DiskSystem): Promise<Found[]> {
  const [pool = mount.source] = mount.source.split('/')
  const facts = newFacts('pool', pool, hash(`zfs ${pool}`))
  facts.model = 'zfs'
  const { status, output, errors } = await system.run('zpool', ['status', '-p', '-P', '-L', '--', pool])
  const read = status === 0 ? parseZpool(output) : null
  if (read === null) {
    facts.reason = errors.trim() || `zpool: ${status}`
    return [facts]
  }
  const { isOnline, isResilvering, deviceErrors, missing, devices } = read
  facts.readAt = Date.now()
  facts.isRebuilding = isResilvering
  facts.counters = {
    'not-online': Number(!isOnline),
    'missing-disks': missing,
    'device-errors': deviceErrors,
  }
  const below: Found[] = []
  for (const device of devices) {
    const directory = await resolve(system, `sys/class/block/${path.basename(device)}`)
    if (directory !== null) below.push(...(await walkDevices(directory, system)))
  }
  return [facts, ...below]
}

/**
 * Adds the answer of smartctl. A disk that sleeps or does not answer keeps its earlier counters.
 * @param device its name, after the option for its type if it needs one
 */
async function addSmart(
  facts: DiskFacts,
  device: readonly string[],
  before: readonly DiskFacts[],
  now: number,
  { run }: DiskSystem,
): Promise<DiskFacts> {
  const earlier = before.find(({ id }) => id === facts.id)
  const { result, reason, model, serial, counters } = parseSmartctl(
    await run('smartctl', [...PARAMETERS, ...device]),
  )
  const isKept = result === 'asleep' || result === 'late' || result === 'failed'
  return {
    ...facts,
    ...{ smart: result, reason },
    model: model ?? facts.model ?? earlier?.model ?? null,
    serial: shorten(serial) ?? facts.serial ?? earlier?.serial ?? null,
    readAt: result === 'read' ? now : isKept ? (earlier?.readAt ?? null) : null,
    counters: { ...(isKept ? earlier?.counters : {}), ...facts.counters, ...counters },
  }
}

interface Volume {
  device: string
  facts: DiskFacts
}

/**
 * Reads the disks behind volumes that report nothing themselves: with another type, as behind a USB bridge, or on the bus
 * of their RAID controller. The controller does not name the disks of each volume: all count for each of its volumes, as
 * one entry. Disks that report nothing either are left out.
 */
async function readBehind(
  mute: readonly Volume[],
  before: readonly DiskFacts[],
  now: number,
  system: DiskSystem,
): Promise<{ volumes: Volume[]; facts: DiskFacts }[]> {
  if (mute.length === 0) return []
  const scanned = parseScan(await system.run('smartctl', ['--scan-open', '--json=c']))
  const found = await Promise.all(mute.map((volume) => findBehind(volume, scanned, system)))
  // A disk has the id of the first volume, which does not depend on the order of the paths.
  const pairs = found.flat().sort((a, b) => (a.volume.facts.id < b.volume.facts.id ? -1 : 1))
  const byDisk = Map.groupBy(pairs, ({ name, type }) => `${type} ${name}`)
  const read = await Promise.all(
    [...byDisk.values()].map(async (same) => {
      const volumes = same.map(({ volume }) => volume)
      const folders = [...new Set(volumes.flatMap(({ facts }) => facts.folders))]
      const [first] = same
      if (first === undefined) return []
      const { volume, name, type } = first
      const id = hash(`${volume.facts.id} ${type}`)
      const disk = { ...volume.facts, id, name: `${volume.facts.name} ${type}`, folders }
      const parameters = ['-d', type, name]
      return [
        {
          volumes,
          facts: await addSmart({ ...disk, model: null, serial: null }, parameters, before, now, system),
        },
      ]
    }),
  )
  return read.flat().filter(({ facts }) => facts.smart !== 'unsupported')
}

/** Returns the devices that smartctl reaches behind a volume. */
async function findBehind(volume: Volume, scanned: readonly ScannedDevice[], system: DiskSystem) {
  const { device } = volume
  const directory = await resolve(system, `sys/class/block/${device.replaceAll('/', '!')}`)
  const [, host = ''] = /\/host(\d+)\//.exec(directory ?? '') ?? []
  return scanned
    .filter(({ name }) => name === `/dev/${device}` || name === `/dev/bus/${host}`)
    .map((one) => ({ ...one, volume }))
}

/** Kernel and smartctl show the serial number, and so does the label of the disk: its end identifies the disk there. */
const shorten = (serial: string | null): string | null => serial?.trim().slice(-4) || null

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16)

/** Errors of sysfs that mean that there is no such value: another kind of device, or an older kernel. */
const ABSENT = ['ENOENT', 'ENOTDIR', 'EINVAL', 'EIO', 'ENODEV', 'ENXIO', 'EACCES', 'EPERM', 'EOPNOTSUPP']

const readText = (file: string): Promise<string | null> =>
  readFile(file, 'utf8').then((text) => text.trim(), expectErrorCodes(ABSENT, null))

async function readNumber(file: string): Promise<number | null> {
  const text = await readText(file)
  return text !== null && /^\d+$/.test(text) ? Number(text) : null
}

const list = (directory: string): Promise<string[]> =>
  readdir(directory).catch(expectErrorCodes(ABSENT, [] as string[]))

const resolve = ({ root }: DiskSystem, name: string): Promise<string | null> =>
  realpath(path.join(root, name)).catch(ignoreError('no such device in sysfs', null))

const attributeSchema = z.object({
  id: z.number(),
  name: z.string(),
  when_failed: z.string().default(''),
  raw: z.object({ value: z.number(), string: z.string().default('') }),
})

const errorCounterSchema = z.object({ total_uncorrected_errors: z.number() }).partial().optional()

/** The used part of smartctl's JSON output, format version 1. */
const smartctlSchema = z.object({
  smartctl: z.object({
    messages: z.array(z.object({ string: z.string(), severity: z.string() })).default([]),
  }),
  model_name: z.string().optional(),
  scsi_model_name: z.string().optional(),
  serial_number: z.string().optional(),
  smart_support: z.object({ available: z.boolean() }).partial().optional(),
  smart_status: z.object({ passed: z.boolean() }).partial().optional(),
  ata_smart_attributes: z.object({ table: z.array(attributeSchema) }).optional(),
  scsi_grown_defect_list: z.number().optional(),
  scsi_error_counter_log: z
    .object({ read: errorCounterSchema, write: errorCounterSchema, verify: errorCounterSchema })
    .optional(),
  nvme_smart_health_information_log: z
    .object({
      critical_warning: z.number(),
      available_spare: z.number(),
      available_spare_threshold: z.number(),
      percentage_used: z.number(),
      media_errors: z.number(),
    })
    .partial()
    .optional(),
})
type Smartctl = z.infer<typeof smartctlSchema>

interface SmartReading {
  result: SmartResult
  reason: string | null
  model: string | null
  serial: string | null
  counters: DiskCounters
}

/** Evaluates a run of smartctl. Its exit status is a set of bits, see EXIT STATUS in smartctl(8). */
export function parseSmartctl({ status, output, errors }: Program): SmartReading {
  const without = (result: SmartResult, reason: string | null = null): SmartReading => ({
    ...{ result, reason, model: null, serial: null, counters: {} },
  })
  if (status === 'ENOENT') return without('no-program')
  if (status === 'EACCES' || status === 'EPERM') return without('not-permitted')
  if (status === 'late') return without('late')
  const parsed = parseJson(output)
  if (parsed === null) return without('failed', errors.trim() || `smartctl: ${status}`)
  const model = parsed.model_name ?? parsed.scsi_model_name ?? null
  const serial = parsed.serial_number ?? null
  const said = parsed.smartctl.messages.map(({ string }) => string).join(' ')
  if (status === ASLEEP) return { ...without('asleep'), model, serial }
  const counters = findCounters(parsed)
  const hasRead = parsed.smart_status?.passed !== undefined || Object.keys(counters).length > 0
  if (hasRead) return { result: 'read', reason: null, model, serial, counters }
  if (/permission denied|not permitted/i.test(said)) return { ...without('not-permitted'), model, serial }
  const isUnsupported =
    /unable to detect|unknown usb bridge|lacks smart|not supported|specify device type/i.test(said)
  if (isUnsupported || parsed.smart_support?.available === false || (status === 0 && said === ''))
    return { ...without('unsupported'), model, serial }
  return { ...without('failed', said || errors.trim() || `smartctl: ${status}`), model, serial }
}

function parseJson(text: string): Smartctl | null {
  try {
    return smartctlSchema.safeParse(JSON.parse(text)).data ?? null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/**
 * The disk database of smartctl names the attributes: some SSDs use these numbers for something else. Of two attributes of
 * one kind the larger counts.
 */
const ATTRIBUTES = [
  { id: 5, name: /^Reallocat/i, kind: 'reallocated' },
  { id: 197, name: /Pending/i, kind: 'pending' },
  { id: 187, name: /Uncorrect/i, kind: 'uncorrectable' },
  { id: 198, name: /Uncorrectable/i, kind: 'uncorrectable' },
] as const

/**
 * Returns the value of an attribute. Some disks pack further values into its upper bits: smartctl prints the value first,
 * as in "12 (0 3)".
 */
function readRaw({ value, string }: z.infer<typeof attributeSchema>['raw']): number {
  const [, first] = /^(\d+)(?:\s|$)/.exec(string) ?? []
  return first === undefined ? value % 2 ** 32 : Number(first)
}

function findCounters(parsed: Smartctl): DiskCounters {
  const { smart_status, ata_smart_attributes, scsi_grown_defect_list } = parsed
  const counters: DiskCounters = {}
  if (smart_status?.passed !== undefined) counters['smart-failed'] = Number(!smart_status.passed)
  if (ata_smart_attributes !== undefined) {
    const { table } = ata_smart_attributes
    counters['below-threshold'] = table.filter((one) => one.when_failed === 'now').length
    for (const { id, name, kind } of ATTRIBUTES) {
      const found = table.find((one) => one.id === id && name.test(one.name))
      if (found !== undefined) counters[kind] = Math.max(counters[kind] ?? 0, readRaw(found.raw))
    }
  }
  if (scsi_grown_defect_list !== undefined) counters.reallocated = scsi_grown_defect_list
  const { read, write, verify } = parsed.scsi_error_counter_log ?? {}
  const uncorrected = [read, write, verify].flatMap((log) => log?.total_uncorrected_errors ?? [])
  if (uncorrected.length > 0) counters.uncorrectable = uncorrected.reduce((sum, one) => sum + one, 0)
  const nvme = parsed.nvme_smart_health_information_log
  if (nvme !== undefined) {
    counters['nvme-warning'] = nvme.critical_warning ?? 0
    counters['media-errors'] = nvme.media_errors ?? 0
    counters.worn = nvme.percentage_used ?? 0
    const { available_spare: spare, available_spare_threshold: limit } = nvme
    if (spare !== undefined && limit !== undefined && spare < limit) counters['low-spare'] = spare
  }
  return counters
}

export interface ScannedDevice {
  name: string
  /** The value of smartctl's option -d. */
  type: string
}

const scanSchema = z.object({ devices: z.array(z.object({ name: z.string(), type: z.string() })) })

/** Evaluates `smartctl --scan-open --json`; empty: it finds no device, or does not run. */
export function parseScan({ output }: Program): ScannedDevice[] {
  try {
    return scanSchema.safeParse(JSON.parse(output)).data?.devices ?? []
  } catch (error) {
    if (error instanceof SyntaxError) return []
    throw error
  }
}

/**
 * Parses `zpool status -p -P -L`: a line for each device, and for each level above, with its state and its read, write and
 * checksum errors. A device that is gone may have a number instead of its path. Errors that no single device has caused
 * are counted at the levels above alone, and damaged data in the last line alone: the largest of these sums counts.
 */
export function parseZpool(text: string) {
  const [, state] = /^\s*state: (\S+)/m.exec(text) ?? []
  if (state === undefined) return null
  const lines = [...text.matchAll(/^\s+(\S+)\s+([A-Z]+)\s+(\d+)\s+(\d+)\s+(\d+)/gm)].map(
    ([, name = '', is = '', ...counts]) => ({
      ...{ name, isDevice: /^(\/|\d+$)/.test(name), isGone: /^(UNAVAIL|REMOVED|FAULTED|OFFLINE)$/.test(is) },
      errors: counts.reduce((sum, one) => sum + Number(one), 0),
    }),
  )
  const devices = lines.filter(({ isDevice }) => isDevice)
  const [, damaged = '0'] = /^errors: (\d+) data errors/m.exec(text) ?? []
  return {
    isOnline: state === 'ONLINE',
    isResilvering: /resilver in progress/.test(text),
    deviceErrors: Math.max(
      devices.reduce((sum, { errors }) => sum + errors, 0),
      ...lines.filter(({ isDevice }) => !isDevice).map(({ errors }) => errors),
      Number(damaged),
    ),
    missing: devices.filter(({ isGone }) => isGone).length,
    devices: devices.flatMap(({ name, isGone }) => (isGone || !name.startsWith('/') ? [] : [name])),
  }
}
