import { message } from '../../core/lib/i18n/message.ts'
import { createWords, type Language } from '../../core/lib/i18n/words.ts'

// The window uses core's dictionaries and formats, so that its texts agree with all others.
export { formatBytes, formatDuration, formatTime } from '../../core/lib/i18n/formats.ts'
export { renderReceived } from '../../core/lib/i18n/received.ts'
export {
  createWords,
  joinSentences,
  type Language,
  languages,
  nearestLanguage,
} from '../../core/lib/i18n/words.ts'

/** Returns a language's name in itself, so that users who cannot read the present one find theirs. */
export const nameOf = (language: Language): string =>
  createWords(language)(message('window.settings.languageName'))
