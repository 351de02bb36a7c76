import 'uplot/dist/uPlot.min.css'
import { useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import { useWords } from '../../words/context.tsx'
import { delayFacts, plotData } from './delay-data.ts'

interface DelayPlotProps {
  /** Milliseconds, oldest first; null: that check failed. */
  delays: readonly (number | null)[]
  intervalSeconds: number
}

const height = 128

/** What a colour of the style sheet is at this place: a canvas knows no variables and no light-dark(). */
function resolveColour(place: HTMLElement, variable: string): string {
  place.style.color = `var(${variable})`
  const { color } = getComputedStyle(place)
  place.style.color = ''
  return color
}

/** The read delay over the last checks; a failed check is a mark on the ground line. */
export default function DelayPlot({ delays, intervalSeconds }: DelayPlotProps) {
  const { t, format } = useWords()
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const scheme = useComputedColorScheme()
  const latest = useRef({ delays, intervalSeconds })
  latest.current = { delays, intervalSeconds }

  // biome-ignore lint/correctness/useExhaustiveDependencies: a canvas takes its colours once; another scheme needs another plot.
  useEffect(() => {
    const box = place.current
    if (box === null) return
    const colour = (variable: string) => resolveColour(box, variable)
    const axis = {
      stroke: colour('--quiet'),
      font: '11px system-ui',
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
    }
    const drawn = new uPlot(
      {
        width: box.clientWidth,
        height,
        padding: [8, 20, 0, 0],
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { time: false },
          y: { range: (_plot, _min, max) => [0, Math.max(5, (max ?? 0) * 1.15)] },
        },
        axes: [
          {
            ...axis,
            size: 24,
            values: (_plot, splits) =>
              splits.map((seconds) =>
                seconds === 0
                  ? t('window.time.nowShort')
                  : t('window.time.ago', { duration: format.duration(-seconds * 1000) }),
              ),
            space: 90,
          },
          { ...axis, size: 52, values: (_plot, splits) => splits.map((delay) => format.delay(delay)) },
        ],
        series: [
          {},
          { stroke: colour('--mantine-primary-color-filled'), width: 1.6, points: { show: false } },
          { stroke: colour('--failing'), paths: () => null, points: { show: true, size: 7, width: 2 } },
        ],
      },
      plotData(latest.current.delays, latest.current.intervalSeconds),
      box,
    )
    plot.current = drawn
    const sizes = new ResizeObserver(() => drawn.setSize({ width: box.clientWidth, height }))
    sizes.observe(box)
    return () => {
      sizes.disconnect()
      drawn.destroy()
      plot.current = null
    }
  }, [scheme, t, format])

  useEffect(() => {
    plot.current?.setData(plotData(delays, intervalSeconds))
  }, [delays, intervalSeconds])

  const facts = delayFacts(delays)
  const words = t('window.disk.delays', {
    count: delays.length,
    median: facts === null ? '–' : format.delay(facts.median),
    most: facts === null ? '–' : format.delay(facts.most),
    failed: delays.filter((delay) => delay === null).length,
  })
  return (
    <figure className="plot">
      <div ref={place} role="img" aria-label={words} />
      <figcaption className="dimmed">{words}</figcaption>
    </figure>
  )
}
