import { useEffect, useState } from 'react'
import { useOfNow } from './now.ts'

/** A bar's time, and how many there are: the last five minutes. */
const STEP_MS = 5_000
export const STEPS = 60

/** The greatest rate of each time in bytes a second, by its number since 1970. Kept while the window is. */
const seen = new Map<number, number>()

const stepOf = (now: number) => Math.floor(now / STEP_MS)

/** Notes the rate of sending while the window is looked at; called once, in the frame. */
export function useNotedRate(rate: number): void {
  useEffect(() => {
    const note = () => {
      if (document.hidden) return
      const step = stepOf(Date.now())
      seen.set(step, Math.max(rate, seen.get(step) ?? 0))
      for (const one of seen.keys()) if (one <= step - STEPS) seen.delete(one)
    }
    note()
    const timer = setInterval(note, STEP_MS)
    return () => clearInterval(timer)
  }, [rate])
}

/** The rates of the last five minutes, oldest first; null: nobody looked then. */
export function useRates(): (number | null)[] {
  const step = useOfNow(stepOf)
  const [rates, setRates] = useState<(number | null)[]>([])
  useEffect(() => {
    setRates(Array.from({ length: STEPS }, (_, index) => seen.get(step - STEPS + 1 + index) ?? null))
  }, [step])
  return rates
}
