import { useSyncExternalStore } from 'react'

/**
 * A single clock for all relative times of the window: it ticks each second while the window is visible, and stops
 * while it is hidden.
 */
const listeners = new Set<() => void>()
let now = Date.now()
let timer: ReturnType<typeof setInterval> | undefined

function tick(): void {
  now = Date.now()
  for (const listener of listeners) listener()
}

function follow(): void {
  const wanted = listeners.size > 0 && !document.hidden
  if (wanted && timer === undefined) {
    tick()
    timer = setInterval(tick, 1000)
  }
  if (!wanted && timer !== undefined) {
    clearInterval(timer)
    timer = undefined
  }
}

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) document.addEventListener('visibilitychange', follow)
  listeners.add(listener)
  follow()
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) document.removeEventListener('visibilitychange', follow)
    follow()
  }
}

/** Returns the time, which is only kept while something subscribes; the same for calls within a second. */
function readNow(): number {
  if (listeners.size === 0 && Math.abs(Date.now() - now) >= 1000) now = Date.now()
  return now
}

/**
 * Returns `of` applied to the time in milliseconds since 1970, evaluated each second while the window is visible;
 * renders again only when the result changes.
 */
export function useOfNow<T extends string | number | boolean>(of: (now: number) => T): T {
  const current = () => of(readNow())
  return useSyncExternalStore(subscribe, current, current)
}

/** Returns milliseconds since 1970, updated each second while the window is visible. */
export const useNow = (): number => useOfNow(asItIs)

const asItIs = (moment: number) => moment
