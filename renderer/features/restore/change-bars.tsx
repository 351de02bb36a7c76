import { Input, UnstyledButton } from '@mantine/core'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { useBridge } from '../../state/bridge.tsx'
import { useWords } from '../../words/context.tsx'
import { type Count, type Day, isStateOf, type Spot, toMomentAfter, typeMoment } from './browse.ts'
import type { Whose } from './use-listing.ts'

/** Height of the highest bar. */
const HEIGHT = 28
const LEAST_HEIGHT = 3

/** Returns the days with changes in a directory and below; null: unknown. Those of the one before stay until then. */
export function useChanges({ destination, computer }: Whose, { folder, path }: Spot, isReady: boolean) {
  const bridge = useBridge()
  const [days, setDays] = useState<readonly Day[] | null>(null)
  useEffect(() => {
    if (!isReady) return
    let isOver = false
    const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone
    // An error is dropped here: the listing reports it.
    bridge.call('restoreChanges', { destination, computer, folder, directory: path, zone }).then(
      (answer) => !isOver && setDays(answer.days),
      () => !isOver && setDays(null),
    )
    return () => {
      isOver = true
    }
  }, [bridge, destination, computer, folder, path, isReady])
  return days
}

interface ChangeBarsProps {
  days: readonly Day[]
  /** The time that is shown; null: the current state. */
  at: number | null
  /** Called with a time as it is typed; '' if the chosen one is pressed again. */
  onChoose: (when: string) => void
}

/** Shows a bar for each day with changes, and for each hour of the chosen day: pressing it chooses the state after it. */
export function ChangeBars({ days, at, onChoose }: ChangeBarsProps) {
  const { t, language } = useWords()
  const dates = new Intl.DateTimeFormat(language, { dateStyle: 'full' })
  const months = new Intl.DateTimeFormat(language, { month: 'short' })
  const hourOfDay = new Intl.DateTimeFormat(language, {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  const day = days.find((one) => isStateOf(one, at))
  const beginsMonth = days.map(({ start }, index) => {
    const before = days[index - 1]?.start
    return before === undefined || new Date(before).getMonth() !== new Date(start).getMonth()
  })
  return (
    <>
      <Bars
        label={t('window.restore.days')}
        counts={days}
        nameOf={({ start, end }) => dates.formatRange(start, end - 1)}
        markOf={({ start }) => new Date(start).getDate()}
        belowOf={({ start }, index) => (beginsMonth[index] === true ? months.format(start) : undefined)}
        {...{ at, onChoose }}
      />
      {day !== undefined && day.hours.length > 1 && (
        <Bars
          key={day.start}
          label={t('window.restore.hours', { day: dates.format(day.start) })}
          counts={day.hours}
          nameOf={({ start, end }) => hourOfDay.formatRange(start, end)}
          markOf={({ start }) => new Date(start).getHours()}
          {...{ at, onChoose }}
        />
      )}
    </>
  )
}

interface BarsProps extends Omit<ChangeBarsProps, 'days'> {
  label: string
  /** Oldest first. */
  counts: readonly Count[]
  nameOf: (count: Count) => string
  /** Returns the number below a bar, which is part of its name. */
  markOf: (count: Count) => number
  /** Returns a word below the number. */
  belowOf?: (count: Count, index: number) => string | undefined
}

/** A row of bars with a single tab stop: left, right, Home and End move between them. The last one is shown first. */
function Bars({ label, counts, nameOf, markOf, belowOf, at, onChoose }: BarsProps) {
  const { t } = useWords()
  const list = useRef<HTMLUListElement>(null)
  const chosen = counts.findIndex((one) => isStateOf(one, at))
  const [focused, setFocused] = useState<number | null>(null)
  const last = counts.length - 1
  const stop = Math.min(focused ?? (chosen < 0 ? last : chosen), last)
  const most = Math.max(...counts.map(({ files }) => files))
  useEffect(() => list.current?.scrollTo({ left: list.current.scrollWidth }), [])
  const move = (event: KeyboardEvent<HTMLUListElement>) => {
    const buttons = list.current?.querySelectorAll('button') ?? []
    const steps: Record<string, number> = { ArrowLeft: stop - 1, ArrowRight: stop + 1, Home: 0 }
    const to = event.key === 'End' ? last : steps[event.key]
    if (to === undefined) return
    event.preventDefault()
    buttons[to]?.focus()
  }
  return (
    <Input.Wrapper label={label} labelElement="div">
      <ul ref={list} className="change-bars figures" aria-label={label} onKeyDown={move}>
        {counts.map((count, index) => {
          const name = t('window.restore.changes', { when: nameOf(count), count: count.files })
          const after = toMomentAfter(count)
          const height = (HEIGHT * Math.log1p(count.files)) / Math.log1p(most)
          return (
            <li key={count.start}>
              <UnstyledButton
                aria-label={name}
                title={name}
                aria-pressed={index === chosen}
                tabIndex={index === stop ? 0 : -1}
                onFocus={() => setFocused(index)}
                onClick={() => onChoose(after === at ? '' : typeMoment(after))}
              >
                <span className="change-bar" style={{ height: Math.max(LEAST_HEIGHT, height) }} />
                <span className="change-mark" data-below={belowOf?.(count, index)}>
                  {markOf(count)}
                </span>
              </UnstyledButton>
            </li>
          )
        })}
      </ul>
    </Input.Wrapper>
  )
}
