import { z } from 'zod'
import { alertsSettingsSchema, wallTimeSchema } from '../alerts/settings.ts'
import { SOURCE_ID } from '../protocol/limits.ts'
import { folderName } from '../protocol/names.ts'
import { DEFAULT_KEEP } from '../store/retention/choose.ts'
import { absolutePathSchema } from './absolute-path.ts'
import { destinationSchema } from './destination-schema.ts'
import { LONGEST_PATTERN, MOST_PATTERNS } from './patterns.ts'

export const batchSettingsSchema = z.object({
  /** Only child directories whose name begins with this are batch directories (isocket: tag). */
  prefix: z.string().max(255).default(''),
  /** The producer's mark "no more files" (isocket: done_parse). */
  closedMark: z.string().min(1).max(255).default('finished.parse'),
  /** Holdfast's mark "all files are durable at the destination" (isocket: done_watch). */
  sentMark: z.string().min(1).max(255).default('finished.watch'),
})

const bytes = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/** Files of a source that are left out, or wait; by default temporary names alone. */
export const sourceFiltersSchema = z.object({
  /** gitignore patterns, relative to the source, that are left out. */
  ignore: z.array(z.string().max(LONGEST_PATTERN)).max(MOST_PATTERNS).default([]),
  /** What is done with files and directories whose names begin with a dot. */
  hidden: z.enum(['send', 'leave-out']).default('send'),
  /** Treatment of files with temporary names (core/filter/temporary.ts). */
  temporary: z.enum(['send', 'leave-out']).default('leave-out'),
  /** Smaller files are left out; bytes, null for no limit. */
  minimumBytes: bytes.nullable().default(null),
  /** Larger files are left out; bytes, null for no limit. */
  maximumBytes: bytes.nullable().default(null),
  /** A file is not sent before its last change is so long ago; seconds, at most 30 days. */
  minimumAgeSeconds: z
    .number()
    .min(0)
    .max(30 * 86_400)
    .default(0),
})
export type SourceFilters = z.infer<typeof sourceFiltersSchema>

/** Each destination that has sources is sent to by a process of its own, of up to 200 MB. */
export const MOST_DESTINATIONS = 8

/** The longest pause that ends by itself: a week. */
export const LONGEST_PAUSE_MINUTES = 60 * 24 * 7

export const priorities = ['low', 'normal', 'high'] as const

/** The path as a person gave it, where it is or passes through a symbolic link that leads to `path`; null: it does not. */
const link = absolutePathSchema.nullable().default(null)

export const sourceSchema = z.object({
  /** The same for ever: a destination keeps a directory for it. */
  id: z.string().regex(SOURCE_ID),
  /** Absolute path of the directory tree, without symbolic links. */
  path: absolutePathSchema,
  link,
  /** What the window calls it, and its folder's name at the destination. */
  name: z.string().min(1).max(200),
  kind: z.enum(['continuous', 'batch']).default('continuous'),
  batch: batchSettingsSchema.prefault({}),
  paused: z.boolean().default(false),
  ...sourceFiltersSchema.shape,
  /** Directories on other file systems, which are mounted inside the source, are left out (find -xdev). */
  oneFileSystem: z.boolean().default(false),
  /** Its share of the line while other sources send, too: high 4, normal 2, low 1. */
  priority: z.enum(priorities).default('normal'),
  /**
   * Files are removed here after they have been durable at a receiver on another computer for so long; null: never.
   */
  deleteAfter: z
    .object({ hours: z.number().int().min(1).max(87_600) })
    .nullable()
    .default(null),
  /** An incident when nothing has come from it for so many hours (batch: its newest directory is not closed); null: never. */
  silentHours: z.number().min(0.01).max(8_760).nullable().default(null),
  /** Whether its check tries to write, too; not where files are only to be read, and this user may not write. */
  write: z.boolean().default(true),
  /** Ids of the destinations that its files go to; null: to all. See `destinationsOf`. */
  destinations: z.array(z.string().min(1).max(128)).min(1).max(MOST_DESTINATIONS).nullable().default(null),
})
export type Source = z.infer<typeof sourceSchema>

export const checkedPathSchema = z.object({
  id: z.string().min(1).max(64),
  path: absolutePathSchema,
  link,
  /** Whether writing is tried, too; not where this user had no permission to write when it was chosen. */
  write: z.boolean().default(true),
})
export type CheckedPath = z.infer<typeof checkedPathSchema>

/** Bytes a second that sending may use of the line. */
export const bytesPerSecondSchema = z.number().int().min(1024).max(1_000_000_000_000)

/** Rules of a schedule. */
export const MOST_RULES = 50

/** What sending may use of the line at certain times of the week. */
export const sendRuleSchema = z.object({
  /** Days on which it begins; 0 is Sunday. */
  days: z.array(z.number().int().min(0).max(6)).min(1).max(7),
  from: wallTimeSchema,
  /** Not included; at or before `from`: on the next day. */
  to: wallTimeSchema,
  /** Nothing, everything, or so many bytes a second. */
  allow: z.union([z.literal('pause'), z.literal('free'), bytesPerSecondSchema]),
})
export type SendRule = z.infer<typeof sendRuleSchema>

/** A receiver on this computer that the agent runs. */
export const receiveSettingsSchema = z.object({
  /** Its store's directory. */
  directory: absolutePathSchema,
  port: z.number().int().min(1).max(65_535).default(7766),
  /** What each sender may have there, in bytes; null: no limit. */
  quotaBytes: bytes.min(1).nullable().default(null),
})
export type ReceiveSettings = z.infer<typeof receiveSettingsSchema>

const periods = (usual: number) => z.number().int().min(0).max(10_000).default(usual)

/** Which older contents of a file stay; of each field see core/store/retention/choose.ts. */
export const keepSchema = z.object({
  withinDays: z.number().int().min(1).max(36_500).default(DEFAULT_KEEP.withinDays),
  daily: periods(DEFAULT_KEEP.daily),
  weekly: periods(DEFAULT_KEEP.weekly),
  monthly: periods(DEFAULT_KEEP.monthly),
  yearly: periods(DEFAULT_KEEP.yearly),
})

export const SETTINGS_VERSION = 1

const settingsObject = z.object({
  version: z.literal(SETTINGS_VERSION).default(SETTINGS_VERSION),
  sources: z.array(sourceSchema).max(1000).default([]),
  checkedPaths: z.array(checkedPathSchema).max(10_000).default([]),
  check: z
    .object({
      /** Seconds between two checks of one path. */
      intervalSeconds: z.number().int().min(1).max(3600).default(10),
      /** A well path that took longer than this to answer, in seconds, is slow. */
      slowSeconds: z.number().min(0.01).max(3600).default(2),
    })
    .prefault({}),
  scan: z
    .object({
      /** Seconds between two comparisons of a whole source with the ledger (isocket: scan check_interval). */
      reconcileSeconds: z.number().int().min(5).max(86_400).default(300),
      /** Where a writer cannot be seen, a file is finished after this many seconds without a change. */
      quietSeconds: z.number().min(0.1).max(3600).default(5),
    })
    .prefault({}),
  send: z
    .object({
      /** Longest pause between two attempts to reach the receiver (isocket: error_retry_interval). */
      retrySeconds: z.number().int().min(1).max(3600).default(60),
      /** Where no rule of the schedule says anything else; null: as fast as the line is. */
      bytesPerSecond: bytesPerSecondSchema.nullable().default(null),
      /** The first rule that covers a moment decides. */
      schedule: z.array(sendRuleSchema).max(MOST_RULES).default([]),
      /** Nothing is sent while this computer runs on its battery, or its network is paid for by what it carries. */
      pauseOnBattery: z.boolean().default(false),
      pauseOnMetered: z.boolean().default(false),
      /**
       * The most whole versions of one file of 16 MiB or more in an hour; of smaller files more go, by their size. A file
       * that keeps changing would otherwise use the line up, and fill the destination.
       */
      versionsPerHour: z.number().int().min(1).max(3_600).default(12),
    })
    .prefault({}),
  /** None: a folder in the data directory on this computer. */
  destinations: z.array(destinationSchema).max(MOST_DESTINATIONS).default([]),
  /** Of older contents, in all destinations but receivers, which have their own rules, and of what is received here. */
  keep: keepSchema.prefault({}),
  /** Other computers may send to this one, as to `holdfast receive`; null: they may not. */
  receive: receiveSettingsSchema.nullable().default(null),
  /** A pause of all sending: until a time (milliseconds since 1970), or until resumed (null). */
  pause: z
    .object({ since: z.number().int().default(0), until: z.number().int().nullable() })
    .nullable()
    .default(null),
  alerts: alertsSettingsSchema.prefault({}),
  /** Native notifications, or the terminal's lines. */
  notifications: z.boolean().default(true),
  language: z.enum(['system', 'en', 'zh-TW']).default('system'),
  theme: z.enum(['system', 'light', 'dark']).default('system'),
})

/**
 * What tells a source's folder at the destination from others, whatever file system that is. Of Node: the window takes
 * only parts of the schema, and names no source.
 */
export const folderOf = (name: string): string => folderName(name).toLowerCase()

/**
 * Ids name paths in the ledger and in every report, names are folders at the destination, and a destination is
 * chosen by its name: none twice.
 */
export const settingsSchema = settingsObject.superRefine((settings, context) => {
  const { sources, checkedPaths, destinations } = settings
  const unique: [string, string[]][] = [
    ['id', [...sources, ...checkedPaths].map(({ id }) => id)],
    ['destination', destinations.map(({ id }) => id)],
    ['destination', destinations.map(({ name }) => name.toLowerCase())],
  ]
  for (const [what, values] of unique) {
    const twice = values.find((value, index) => values.indexOf(value) !== index)
    if (twice !== undefined)
      context.addIssue({ code: 'custom', message: `the ${what} "${twice}" is there twice` })
  }
  // Two names may look different and be one folder, where the files of one would replace those of the other.
  const byFolder = new Map<string, string>()
  for (const { name } of sources) {
    const folder = folderOf(name)
    const other = byFolder.get(folder)
    byFolder.set(folder, name)
    if (other === undefined) continue
    const message =
      other === name
        ? `the name "${name}" is there twice`
        : `the names "${other}" and "${name}" are one folder at the destination`
    context.addIssue({ code: 'custom', message })
  }
})
export type Settings = z.infer<typeof settingsSchema>

export const defaultSettings: Settings = settingsSchema.parse({})
