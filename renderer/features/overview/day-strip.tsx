import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { useWords } from '../../words/context.tsx'

const CELL = 3
const HEIGHT = 14
/** Height of the health below the transfers. */
const HEALTH = 3

const levels = { o: 'ok', s: 'attention', f: 'failing' } as const

/**
 * Shows the last 24 hours, a cell each: the health below, as high as the cell where the disk failed, and the files sent above.
 *
 * @param day see useDays
 * @param label counts the hours with a failing disk, and those with files.
 */
export function DayStrip({ day, label = 'window.day' }: { day: string; label?: WordKey }) {
  const { t } = useWords()
  const hours = day.match(/../g) ?? []
  const draw = (isWanted: (hour: string) => boolean, getHeight: (hour: string) => number, bottom: number) =>
    hours
      .map((hour, index) => {
        if (!isWanted(hour)) return ''
        const height = getHeight(hour)
        return `M${index * CELL} ${HEIGHT - bottom - height}h${CELL - 1}v${height}h${1 - CELL}z`
      })
      .join('')
  const isFailing = (hour: string) => hour.startsWith('f')
  const words = t(label, {
    failing: hours.filter(isFailing).length,
    sending: hours.filter((hour) => hour[1] !== '0').length,
  })
  return (
    <svg className="day-strip" width={hours.length * CELL - 1} height={HEIGHT} role="img" aria-label={words}>
      <title>{words}</title>
      {(['o', 's', 'f'] as const).map((letter) => (
        <path
          key={letter}
          data-level={levels[letter]}
          d={draw(
            (hour) => hour.startsWith(letter),
            () => (letter === 'f' ? HEIGHT : HEALTH),
            0,
          )}
        />
      ))}
      <path
        data-level="unknown"
        d={draw(
          (hour) => hour.startsWith('-'),
          () => 1,
          0,
        )}
      />
      <path
        data-level="working"
        d={draw(
          (hour) => hour[1] !== '0' && !isFailing(hour),
          (hour) => 3 * Number(hour[1]),
          HEALTH + 1,
        )}
      />
    </svg>
  )
}
