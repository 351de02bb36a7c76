import { z } from 'zod'
import { alertsSettingsSchema, wallTimeSchema } from '../alerts/settings.ts'
import { languages } from '../lib/i18n/dictionaries.ts'
import { parseSize } from '../lib/i18n/formats.ts'
import { fixityKinds } from '../platform/fixity-kinds.ts'
import { RECEIVER_PORT, SOURCE_ID } from '../protocol/limits.ts'
import { folderName } from '../protocol/names.ts'
import { DEFAULT_KEEP } from '../store/retention/retention.ts'
import {
  isPeriod,
  LONGEST_AGE_SECONDS,
  LONGEST_KEPT_HOURS,
  LONGEST_LATE_MINUTES,
  priorities,
  SILENT_HOURS,
  treatments,
} from './bounds.ts'
import {
  absolutePathSchema,
  certificateSchema,
  destinationSchema,
  lockDaysSchema,
} from './destination-schema.ts'
import { diskFindingKinds } from './disk-counters.ts'
import { eventsSettingsSchema } from './event-sinks.ts'
import { LONGEST_PATTERN, MOST_PATTERNS } from './patterns.ts'
import { proxySettingsSchema } from './proxy.ts'
import { checkSettingsSchema, scanSettingsSchema, sendingSettingsSchema } from './worker-groups.ts'

/** isocket's name of the mark with which a producer closes a batch directory. */
const ISOCKET_CLOSED = 'finished.parse'

export const batchSettingsSchema = z.object({
  /** Only child directories whose name has this prefix are batch directories (isocket: tag). */
  prefix: z.string().max(255).default(''),
  /** The producer's mark "no more files" (isocket: done_parse). */
  closedMark: z.string().min(1).max(255).default(ISOCKET_CLOSED),
  /** Holdfast's mark "all files are durable at the destination" (isocket: done_watch). */
  sentMark: z.string().min(1).max(255).default('finished.watch'),
})

/**
 * True if a source's batch directories are closed by a file of their producer's, not by isocket's finished.parse: such a
 * directory is closed by that file alone, and the file is sent, too.
 */
export const hasOwnClosedMark = ({ closedMark }: { closedMark: string }): boolean =>
  closedMark !== ISOCKET_CLOSED

const bytes = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/** Files of a source that are excluded or delayed; by default only temporary names are excluded. */
export const sourceFiltersSchema = z.object({
  /** gitignore patterns of excluded files, relative to the source. */
  ignore: z.array(z.string().max(LONGEST_PATTERN)).max(MOST_PATTERNS).default([]),
  /** Treatment of files and directories whose names begin with a dot. */
  hidden: z.enum(treatments).default('send'),
  /** Treatment of files with temporary names (core/filter/temporary.ts). */
  temporary: z.enum(treatments).default('leave-out'),
  /** Smaller files are excluded; bytes, null for no limit. */
  minimumBytes: bytes.nullable().default(null),
  /** Larger files are excluded; bytes, null for no limit. */
  maximumBytes: bytes.nullable().default(null),
  /** A file is sent once it has been unchanged for this many seconds. */
  minimumAgeSeconds: z.number().min(0).max(LONGEST_AGE_SECONDS).default(0),
})
export type SourceFilters = z.infer<typeof sourceFiltersSchema>

/** Each destination with sources has a sender process of up to 200 MB. */
export const MOST_DESTINATIONS = 8

/** The path as entered, if it contains a symbolic link that leads to `path`; otherwise null. */
const link = absolutePathSchema.nullable().default(null)

/** Periods of expected files in minutes: each divides a day. */
const everyMinutesSchema = z.number().int().min(5).max(1_440).refine(isPeriod)

/** Files that a source should receive in each period. */
export const expectedFilesSchema = z.object({
  /**
   * Glob pattern of their names, or with "/" of their paths. Parts of a date in braces are those of the beginning of
   * the period; see core/settings/expected/pattern.ts.
   */
  pattern: z.string().min(1).max(LONGEST_PATTERN).default('*'),
  /** Periods begin at midnight and after each of these. */
  everyMinutes: everyMinutesSchema,
  /** A file is late this many minutes after the end of its period. */
  withinMinutes: z.number().int().min(0).max(LONGEST_LATE_MINUTES).default(10),
  /** Smaller files do not count; bytes. */
  minimumBytes: bytes.default(0),
  /** Time zone of the periods, an IANA name; null: that of this computer. */
  zone: z.string().max(100).nullable().default(null),
})
export type ExpectedFiles = z.infer<typeof expectedFilesSchema>

/** Limit of rules for expected files of a source. */
export const MOST_EXPECTED_RULES = 20

export const sourceSchema = z.object({
  /** Never changes: a destination keeps a directory for it. */
  id: z.string().regex(SOURCE_ID),
  /** Absolute path of the directory tree, without symbolic links. */
  path: absolutePathSchema,
  link,
  /** The displayed name, and the name of its folder at the destination. */
  name: z.string().min(1).max(200),
  kind: z.enum(['continuous', 'batch']).default('continuous'),
  batch: batchSettingsSchema.prefault({}),
  paused: z.boolean().default(false),
  ...sourceFiltersSchema.shape,
  /** Excludes file systems that are mounted inside the source (find -xdev). */
  oneFileSystem: z.boolean().default(false),
  /** Share of the bandwidth while other sources send too: high 4, normal 2, low 1. */
  priority: z.enum(priorities).default('normal'),
  /** Files are deleted here this long after they became durable on another computer; null: never. */
  deleteAfter: z
    .object({ hours: z.number().int().min(1).max(LONGEST_KEPT_HOURS) })
    .nullable()
    .default(null),
  /** Incident if no new file has come for this many hours (batch: its newest directory is not closed); null: never. */
  silentHours: z.number().min(SILENT_HOURS.least).max(SILENT_HOURS.most).nullable().default(null),
  /** Digests of each file that are recorded when it is sent, for manifests (docs/fixity.md). */
  digests: z.array(z.enum(fixityKinds)).max(fixityKinds.length).default([]),
  /** Files that should come regularly: a missing one is an incident. Each has another pattern. */
  expected: z.array(expectedFilesSchema).max(MOST_EXPECTED_RULES).default([]),
  /** True if its check also tries to write. False for a read-only source that this user may not write to. */
  write: z.boolean().default(true),
  /** Ids of its destinations; null: all. See `getSourceDestinations`. */
  destinations: z.array(z.string().min(1).max(128)).min(1).max(MOST_DESTINATIONS).nullable().default(null),
})
export type Source = z.infer<typeof sourceSchema>

export const checkedPathSchema = z.object({
  id: z.string().min(1).max(64),
  path: absolutePathSchema,
  link,
  /** True if its check also tries to write. False if this user had no write permission when the path was added. */
  write: z.boolean().default(true),
})
export type CheckedPath = z.infer<typeof checkedPathSchema>

/** Bandwidth limit for sending, in bytes per second. */
export const bytesPerSecondSchema = z.number().int().min(1024).max(1_000_000_000_000)

/** Maximum number of rules in a schedule. */
export const MOST_RULES = 50

/** Bandwidth limit for sending at certain times of the week. */
export const sendRuleSchema = z.object({
  /** Days on which the period begins; 0 is Sunday. */
  days: z.array(z.number().int().min(0).max(6)).min(1).max(7),
  from: wallTimeSchema,
  /** Exclusive; a time not after `from` is on the next day. */
  to: wallTimeSchema,
  /** No sending, unlimited sending, or a limit in bytes per second. */
  allow: z.union([z.literal('pause'), z.literal('free'), bytesPerSecondSchema]),
})
export type SendRule = z.infer<typeof sendRuleSchema>

const hours = z.number().min(0).max(8_760)

/** When a receiver's senders cause incidents. */
export const senderAlertsSchema = z.object({
  /** At the latest if a sender was not connected for this many hours (see `isSilent`); 0: never. */
  silentHours: hours.default(24),
  /** Overrides for single senders, by name or folder. */
  silentHoursOf: z.record(z.string(), hours).default({}),
  /** If a sender has reported failing for this many minutes. */
  failingMinutes: z.number().min(0).max(10_080).default(10),
})
export type SenderAlerts = z.infer<typeof senderAlertsSchema>

/** 0: any free port. */
const port = z.number().int().min(0).max(65_535)
const address = z.string().min(1).max(255)
/** Limits of single senders, by their folders. */
const quotaOf = z.record(z.string(), bytes).default({})

/** A receiver that the agent runs on this computer. */
export const receiveSettingsSchema = z.object({
  /** Its store's directory. */
  directory: absolutePathSchema,
  /** Address to listen on; default: all. */
  host: address.default('0.0.0.0'),
  port: port.default(RECEIVER_PORT),
  /** Quota of each sender, older versions included, in bytes and in files; null: no limit. */
  quotaBytes: bytes.min(1).nullable().default(null),
  quotaBytesOf: quotaOf,
  quotaFiles: bytes.min(1).nullable().default(null),
  quotaFilesOf: quotaOf,
  /** Days for which no received content is removed after it was replaced, whatever `keep` is; null: no lock. */
  lockDays: lockDaysSchema.nullable().default(null),
  /** Free space on its disk, "10G" or "5%"; null: 1 GiB, on small disks 1 %. */
  keepFree: z
    .string()
    .refine((text) => /^\d{1,2}(\.\d+)?%$/.test(text) || parseSize(text) !== null)
    .nullable()
    .default(null),
  /** Where original isocket clients are accepted: plain text, without proof of the sender. null: nowhere. */
  isocketPort: port.nullable().default(null),
  isocketHost: address.default('127.0.0.1'),
  ...senderAlertsSchema.shape,
})
export type ReceiveSettings = z.infer<typeof receiveSettingsSchema>

export const webRoles = ['viewer', 'operator'] as const
export type WebRole = (typeof webRoles)[number]

/** A host name as in an address, lower case. */
const hostNameSchema = z.string().regex(/^[a-z0-9_.-]{1,253}$/)

/** The peers of a page that listens on a socket, among the addresses of proxies. */
export const SOCKET_PEER = 'unix'
/** sun_path has 108 bytes in unix(7), 104 in macOS' unix(4), the final NUL included. */
const LONGEST_SOCKET_PATH = 103

/**
 * Reverse proxies, whose headers X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host are honoured.
 * Every peer that connects from one of the addresses can choose its user.
 */
export const webProxySchema = z.object({
  /** Addresses, networks (CIDR), or "unix": the peers of the socket. */
  addresses: z
    .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6(), z.literal(SOCKET_PEER)]))
    .max(20)
    .default([]),
  /** Header in which they name the user that they have signed in; null: users sign in with a token. */
  userHeader: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,100}$/)
    .nullable()
    .default(null),
  /** Access of these users. */
  role: z.enum(webRoles).default('viewer'),
  /** Users that are operators, whatever the role of the others. */
  operators: z.array(z.string().trim().min(1).max(100)).max(100).default([]),
})

/** The window as a web page, which the agent serves. Beyond loopback it is served with TLS. */
export const webSettingsSchema = z.object({
  on: z.boolean().default(false),
  /** Links that sign in a browser of this computer once are given, also while the page is off. */
  link: z.boolean().default(true),
  /** Absolute path of a Unix socket to listen on, instead of the address; null: none. */
  socket: absolutePathSchema
    .refine((text) => new TextEncoder().encode(text).length <= LONGEST_SOCKET_PATH)
    .nullable()
    .default(null),
  proxy: webProxySchema.prefault({}),
  /** Address to listen on. */
  host: z.union([z.ipv4(), z.ipv6()]).default('127.0.0.1'),
  port: z.number().int().min(1).max(65_535).default(8420),
  /** Further host names of this computer; others than these, its own, localhost and IP addresses are refused. */
  names: z.array(hostNameSchema).max(20).default([]),
})
export type WebProxy = z.infer<typeof webProxySchema>
export type WebSettings = z.infer<typeof webSettingsSchema>

/** Access to the web page. Only the digest of a token is stored. */
const webTokenSchema = z.object({
  id: z.string(),
  name: z.string().min(1).max(100),
  /** viewer: sees everything, changes nothing. */
  role: z.enum(webRoles),
  /** SHA-256 of the token, which has 256 random bits; hexadecimal. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  /** Milliseconds since 1970. */
  createdAt: z.number(),
})
export type WebToken = z.infer<typeof webTokenSchema>

/** A computer that this one watches through its web page. The token is a secret. */
export const watchedComputerSchema = z.object({
  id: z.string().min(1).max(64),
  name: z.string().min(1).max(200),
  /** The address of its web page, "https://station:8420/". */
  address: z.url({ protocol: /^https?$/ }).max(300),
  /** SHA-256 of its certificate (DER, hexadecimal); null: an authority must have signed it. */
  certificate: certificateSchema,
})
export type WatchedComputer = z.infer<typeof watchedComputerSchema>

/** The regular report of a period (core/report), which channels send. */
export const reportSettingsSchema = z.object({
  /** Sent on the first day of the next month or week; null: never. */
  every: z.enum(['month', 'week']).nullable().default(null),
  /** Ids of the channels; null: all but standbys. */
  channels: z.array(z.string().max(40)).max(20).nullable().default(null),
})

const periods = (usual: number) => z.number().int().min(0).max(10_000).default(usual)

/** Retention of a file's older versions; for each field see core/store/retention/retention.ts. */
export const keepSchema = z.object({
  withinDays: z.number().int().min(1).max(36_500).default(DEFAULT_KEEP.withinDays),
  daily: periods(DEFAULT_KEEP.daily),
  weekly: periods(DEFAULT_KEEP.weekly),
  monthly: periods(DEFAULT_KEEP.monthly),
  yearly: periods(DEFAULT_KEEP.yearly),
})

export const diskCountersSchema = z.partialRecord(z.enum(diskFindingKinds), z.number())

/**
 * An older Holdfast refuses a higher version, and keeps unknown keys of this one. Increase it for a setting without
 * which an older one would do harm, such as a new rule against removal, and for a new value of an existing key.
 */
export const SETTINGS_VERSION = 1

const settingsObject = z.object({
  version: z.literal(SETTINGS_VERSION).default(SETTINGS_VERSION),
  sources: z.array(sourceSchema).max(1000).default([]),
  checkedPaths: z.array(checkedPathSchema).max(10_000).default([]),
  check: checkSettingsSchema.prefault({}),
  /** Counters of disks that a person has accepted: only higher values are incidents. */
  acceptedDisks: z.record(z.string(), diskCountersSchema).default({}),
  scan: scanSettingsSchema.prefault({}),
  send: sendingSettingsSchema
    .extend({
      /** Applies if no rule of the schedule does; null: unlimited. */
      bytesPerSecond: bytesPerSecondSchema.nullable().default(null),
      /** The first matching rule applies. */
      schedule: z.array(sendRuleSchema).max(MOST_RULES).default([]),
      /** Pauses sending on battery power, or on a metered network. */
      pauseOnBattery: z.boolean().default(false),
      pauseOnMetered: z.boolean().default(false),
    })
    .prefault({}),
  /** Empty: files are sent to a folder in the data directory on this computer. */
  destinations: z.array(destinationSchema).max(MOST_DESTINATIONS).default([]),
  /**
   * Retention of older versions: at all destinations except receivers, which have their own rules, and of received
   * files.
   */
  keep: keepSchema.prefault({}),
  /** Lets other computers send to this one, as to `holdfast receive`; null: off. */
  receive: receiveSettingsSchema.nullable().default(null),
  report: reportSettingsSchema.prefault({}),
  proxy: proxySettingsSchema.prefault({}),
  web: webSettingsSchema.prefault({}),
  webTokens: z.array(webTokenSchema).max(100).default([]),
  /** Other computers whose failures are incidents here. */
  computers: z.array(watchedComputerSchema).max(50).default([]),
  /** A pause of all sending: until a time (milliseconds since 1970), or until resumed (null). */
  pause: z
    .object({ since: z.number().int().default(0), until: z.number().int().nullable() })
    .nullable()
    .default(null),
  alerts: alertsSettingsSchema.prefault({}),
  events: eventsSettingsSchema.prefault({}),
  /** Native notifications, or lines in the terminal. */
  notifications: z.boolean().default(true),
  language: z.enum(['system', ...languages]).default('system'),
  theme: z.enum(['system', 'light', 'dark']).default('system'),
})

/**
 * Returns the form of a source's name that identifies its folder at the destination on any file system. Needs Node: the
 * window imports only parts of the schema, and does not name sources.
 */
export const toFolderKey = (name: string): string => folderName(name).toLowerCase()

/**
 * Enforces uniqueness: ids identify paths in the ledger and in every report, source names are folders at the
 * destination, and destinations are selected by name.
 */
function refuseTwins(
  settings: Pick<z.infer<typeof settingsObject>, 'sources' | 'checkedPaths' | 'destinations' | 'events'>,
  context: z.RefinementCtx,
): void {
  const { sources, checkedPaths, destinations, events } = settings
  const unique: [string, string[]][] = [
    ['id', [...sources, ...checkedPaths].map(({ id }) => id)],
    ['destination', destinations.map(({ id }) => id)],
    ['destination', destinations.map(({ name }) => name.toLowerCase())],
    ['event sink', events.sinks.map(({ id }) => id)],
  ]
  for (const [what, values] of unique) {
    const twice = values.find((value, index) => values.indexOf(value) !== index)
    if (twice !== undefined)
      context.addIssue({ code: 'custom', message: `the ${what} "${twice}" is there twice` })
  }
  // Two different names can map to the same folder, where the files of one source would replace those of the other.
  const byFolder = new Map<string, string>()
  for (const { name } of sources) {
    const folder = toFolderKey(name)
    const other = byFolder.get(folder)
    byFolder.set(folder, name)
    if (other === undefined) continue
    const message =
      other === name
        ? `the name "${name}" is there twice`
        : `the names "${other}" and "${name}" are one folder at the destination`
    context.addIssue({ code: 'custom', message })
  }
}

export const settingsSchema = settingsObject.superRefine(refuseTwins)
export type Settings = z.infer<typeof settingsSchema>

/** The settings in the agent's state, which every view receives: the tokens of the page are without their digests. */
export const shownSettingsSchema = settingsObject
  .extend({ webTokens: z.array(webTokenSchema.omit({ digest: true })) })
  .superRefine(refuseTwins)
export type ShownSettings = z.infer<typeof shownSettingsSchema>

export const defaultSettings: Settings = settingsSchema.parse({})
