// The words are the one thing besides the contract that the window shares with core: it says what all others say.
export { formatBytes, formatDuration, formatTime } from '../../core/lib/i18n/formats.ts'
export { createWords, type Language, nearestLanguage } from '../../core/lib/i18n/words.ts'
