import { createContext, type ReactNode, use, useEffect, useMemo } from 'react'
import type { Message, WordKey } from '../../core/lib/i18n/message.ts'
import { createFormat, type Format } from '../format/format.ts'
import { createWords, type Language } from './dictionaries.ts'

export interface Words {
  language: Language
  /** Translates a sentence of the window. */
  t: (key: WordKey, params?: Message['params']) => string
  /** Translates a sentence of the state or of an answer. */
  say: (message: Message) => string
  /** Formats numbers, sizes and times in this language. */
  format: Format
}

const WordsContext = createContext<Words | null>(null)

export function WordsProvider({ language, children }: { language: Language; children: ReactNode }) {
  const words = useMemo<Words>(() => {
    const say = createWords(language, 'window')
    return { language, say, t: (key, params = {}) => say({ key, params }), format: createFormat(language) }
  }, [language])
  useEffect(() => {
    document.documentElement.lang = language
  }, [language])
  return <WordsContext value={words}>{children}</WordsContext>
}

export function useWords(): Words {
  const words = use(WordsContext)
  if (words === null) throw new Error('useWords outside WordsProvider')
  return words
}
