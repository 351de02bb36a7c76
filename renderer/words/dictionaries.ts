// biome-ignore lint/style/noRestrictedImports: the words are the one other thing that the window shares with core.
export { createWords, type Language, nearestLanguage } from '../../core/words/words.ts'
