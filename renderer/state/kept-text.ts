import { useCallback, useState } from 'react'

/**
 * What somebody searches for, as long as the application runs: a window that is hidden for a minute ends its page, and
 * its next page knows it from here.
 * @param name of the field; null: it is kept with the page alone.
 */
export function useKeptText(name: string | null): [string, (text: string) => void] {
  const [text, setText] = useState(() => (name === null ? '' : (storage()?.getItem(name) ?? '')))
  const keep = useCallback(
    (next: string) => {
      if (name !== null) storage()?.setItem(name, next)
      setText(next)
    },
    [name],
  )
  return [text, keep]
}

/** A test without a browser has none. */
const storage = (): Storage | undefined => globalThis.sessionStorage
