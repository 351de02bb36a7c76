// Bounds and choices of settings, without the schema that they are part of: the options of the command line have them,
// and a help page must not load the schema. Pure.

export const priorities = ['low', 'normal', 'high'] as const

/** Treatments of files that a filter concerns. */
export const treatments = ['send', 'leave-out'] as const

/** Maximum duration of a pause with an end: a week. */
export const LONGEST_PAUSE_MINUTES = 60 * 24 * 7

/** Longest time that a file must have been unchanged: 30 days. */
export const LONGEST_AGE_SECONDS = 30 * 86_400

/** Longest time after which sent files are deleted. */
export const LONGEST_KEPT_HOURS = 87_600

/** The hours after which a source without new files is an incident. */
export const SILENT_HOURS = { least: 0.01, most: 8_760 } as const

/** Longest time that an expected file may come after its period: 30 days. */
export const LONGEST_LATE_MINUTES = 43_200

/** True for the minutes of a period of expected files: it divides a day, so that each day begins with one. */
export const isPeriod = (minutes: number): boolean =>
  Number.isInteger(minutes) && minutes >= 5 && 1_440 % minutes === 0

/** The beginning of a secret that signs in once: the part of a link to the web page after "#". */
export const LINK_PREFIX = 'once-'
