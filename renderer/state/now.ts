import { useSyncExternalStore } from 'react'

/**
 * One clock for every relative time in the window: it ticks each second while somebody looks, and stands
 * still while the window is hidden.
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

/**
 * What `of` makes of the milliseconds since 1970, looked at each second while the window is visible; its user is drawn
 * anew only when it is another one.
 */
export function useOfNow<T extends string | number | boolean>(of: (now: number) => T): T {
  const current = () => of(now)
  return useSyncExternalStore(subscribe, current, current)
}

/** Milliseconds since 1970, renewed each second while the window is visible. */
export const useNow = (): number => useOfNow(asItIs)

const asItIs = (moment: number) => moment
