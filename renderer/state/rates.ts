import { useEffect, useState } from 'react'
import { useOfNow } from './now.ts'

/** Time of a bar, and the number of bars: the last five minutes. */
export const STEP_MS = 5_000
export const STEPS = 60

/** The highest rate of each step in bytes a second, by the step's number since 1970. Lives as long as the window. */
const seen = new Map<number, number>()

const toStep = (now: number) => Math.floor(now / STEP_MS)

/** Records the rate of sending while the window is visible; called once, in the frame. */
export function useNotedRate(rate: number): void {
  useEffect(() => {
    const note = () => {
      if (document.hidden) return
      const step = toStep(Date.now())
      seen.set(step, Math.max(rate, seen.get(step) ?? 0))
      for (const one of seen.keys()) if (one <= step - STEPS) seen.delete(one)
    }
    note()
    const timer = setInterval(note, STEP_MS)
    return () => clearInterval(timer)
  }, [rate])
}

/** Returns the rates of the last five minutes, oldest first; null for steps in which the window was hidden. */
export function useRates(): (number | null)[] {
  const step = useOfNow(toStep)
  const [rates, setRates] = useState<(number | null)[]>([])
  useEffect(() => {
    setRates(Array.from({ length: STEPS }, (_, index) => seen.get(step - STEPS + 1 + index) ?? null))
  }, [step])
  return rates
}
