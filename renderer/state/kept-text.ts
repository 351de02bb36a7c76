import { useCallback, useState } from 'react'

/**
 * Keeps a search text while the application runs: a window that is hidden for a minute ends its page, and the next page
 * reads the text from the session storage.
 * @param name of the field; null to keep it with the page only.
 */
export function useKeptText(name: string | null): [string, (text: string) => void] {
  const [text, setText] = useState(() => (name === null ? '' : (storage()?.getItem(name) ?? '')))
  const keep = useCallback(
    (next: string) => {
      if (name !== null) keepText(name, next)
      setText(next)
    },
    [name],
  )
  return [text, keep]
}

/** Sets the text of a field that is shown next. */
export function keepText(name: string, text: string): void {
  storage()?.setItem(name, text)
}

/** undefined in tests without a browser. */
const storage = (): Storage | undefined => globalThis.sessionStorage
