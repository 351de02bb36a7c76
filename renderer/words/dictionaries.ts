// The window uses core's dictionaries and formats, so that its texts agree with all others.
export { formatBytes, formatDuration, formatTime } from '../../core/lib/i18n/formats.ts'
export { createWords, joinSentences, type Language, nearestLanguage } from '../../core/lib/i18n/words.ts'
