import { type ReactNode, useEffect, useRef } from 'react'

const STOPS = 'button:not(:disabled), summary'
const INPUTS = 'input, select, textarea'

interface RovingListProps {
  className: string
  /** Selector of an entry, such as "article": the arrow keys up and down move between entries. */
  entry: string
  children: ReactNode
}

/**
 * A list with a single tab stop: up, down, Home and End move between entries, left and right within one. The tab stop
 * stays at the last focused element; it begins at the current one.
 */
export function RovingList({ className, entry, children }: RovingListProps) {
  const list = useRef<HTMLDivElement>(null)
  const last = useRef<Element | null>(null)

  // After each rendering, as entries are added and removed.
  useEffect(() => keepOneStop(list.current, last.current))

  useEffect(() => {
    const root = list.current
    if (root === null) return
    const focused = ({ target }: FocusEvent) => {
      if (!(target instanceof Element)) return
      last.current = target
      keepOneStop(root, target)
    }
    const pressed = (event: KeyboardEvent) => {
      const { target, key } = event
      if (!(target instanceof HTMLElement) || target.matches(INPUTS)) return
      const next = neighbour(root, target, entry, key)
      if (next === undefined) return
      event.preventDefault()
      next.focus()
    }
    root.addEventListener('focusin', focused)
    root.addEventListener('keydown', pressed)
    return () => {
      root.removeEventListener('focusin', focused)
      root.removeEventListener('keydown', pressed)
    }
  }, [entry])

  return (
    <div ref={list} className={className}>
      {children}
    </div>
  )
}

function findStops(within: Element): HTMLElement[] {
  return [...within.querySelectorAll<HTMLElement>(STOPS)].filter((stop) => stop.checkVisibility())
}

function keepOneStop(list: Element | null, wanted: Element | null): void {
  if (list === null) return
  const stops = [...list.querySelectorAll<HTMLElement>(STOPS)]
  const stop =
    stops.find((one) => one === wanted) ?? stops.find((one) => one.ariaCurrent === 'true') ?? stops[0]
  for (const one of stops) {
    const index = one === stop ? 0 : -1
    // Assigning an equal value would still recompute the element's style.
    if (one.tabIndex !== index) one.tabIndex = index
  }
}

/** Returns the element that a key moves to; undefined if there is none. */
function neighbour(list: Element, from: HTMLElement, entry: string, key: string): HTMLElement | undefined {
  // An entry may contain others, which may be folded.
  const entries = [...list.querySelectorAll(entry)].filter((one) => findStops(one).length > 0)
  const own = entries.findLastIndex((one) => one.contains(from))
  const within = own < 0 ? [] : findStops(entries[own] ?? list)
  const first = (index: number) => {
    const wanted = entries[index]
    return wanted === undefined ? undefined : findStops(wanted)[0]
  }
  switch (key) {
    case 'ArrowDown':
      return first(own + 1)
    case 'ArrowUp':
      return first(own - 1)
    case 'Home':
      return first(0)
    case 'End':
      return first(entries.length - 1)
    case 'ArrowRight':
      return within[within.indexOf(from) + 1]
    case 'ArrowLeft':
      return within[within.indexOf(from) - 1]
    default:
      return undefined
  }
}
