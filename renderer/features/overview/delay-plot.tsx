import 'uplot/dist/uPlot.min.css'
import { useEffect, useMemo, useRef } from 'react'
import uPlot from 'uplot'
import { useWords, type Words } from '../../words/context.tsx'
import {
  axisMarks,
  type CheckHistory,
  plotData,
  type Reach,
  shownLength,
  summarizeDelays,
} from './delay-data.ts'

interface DelayPlotProps {
  history: CheckHistory
  /** The time at the plot's right end, in milliseconds since 1970. */
  to: number
  reach: Reach
  intervalSeconds: number
  failures: readonly Failure[]
}

/** A failure of the disk, in milliseconds since 1970; `endedAt` is null while it lasts. */
export interface Failure {
  startedAt: number
  endedAt: number | null
}

const height = 128

/** Resolves a colour of the style sheet: a canvas supports neither variables nor light-dark(). */
function resolveColour(place: HTMLElement, variable: string): string {
  place.style.color = `var(${variable})`
  const { color } = getComputedStyle(place)
  place.style.color = ''
  return color
}

/** Plots median and 99th percentile of the read delay; a failed check is a mark on the base line. */
export default function DelayPlot({ history, to, reach, intervalSeconds, failures }: DelayPlotProps) {
  const { t, format } = useWords()
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const now = useMemo(
    () => ({
      data: plotData(history, to, intervalSeconds * 1_000),
      lengthMs: shownLength(history, to, reach),
      ...{ to, failures },
    }),
    [history, to, reach, intervalSeconds, failures],
  )
  const latest = useRef(now)
  latest.current = now

  useEffect(() => {
    const box = place.current
    if (box === null) return
    const drawn = new uPlot(
      plotOptions(box, () => latest.current, { t, format }),
      latest.current.data,
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
  }, [t, format])

  useEffect(() => {
    plot.current?.setData(now.data)
  }, [now])

  const { checks, failed, delays } = summarizeDelays(history)
  const words = t('window.disk.delays', {
    count: checks,
    median: delays === null ? '–' : format.delay(delays.median),
    p99: delays === null ? '–' : format.delay(delays.p99),
    most: delays === null ? '–' : format.delay(delays.most),
    failed,
  })
  return (
    <figure className="plot">
      <div ref={place} role="img" aria-label={words} />
      <figcaption className="dimmed">{words}</figcaption>
    </figure>
  )
}

interface Shown {
  /** The span that the plot shows, in milliseconds, and the time at its right end. */
  lengthMs: number
  to: number
  failures: readonly Failure[]
}

/** Draws a band for each failure of the disk. */
function drawFailures(plot: uPlot, { to, failures }: Shown, colour: string): void {
  const { ctx, bbox } = plot
  const place = (at: number) => {
    const x = plot.valToPos((at - to) / 1_000, 'x', true)
    return Math.min(Math.max(x, bbox.left), bbox.left + bbox.width)
  }
  ctx.save()
  ctx.fillStyle = colour
  ctx.globalAlpha = 0.14
  for (const { startedAt, endedAt } of failures) {
    const [from, until] = [place(startedAt), place(endedAt ?? to)]
    if (until > bbox.left) ctx.fillRect(from, bbox.top, Math.max(1, until - from), bbox.height)
  }
  ctx.restore()
}

/** Pixels for the delay labels on the left, and for the padding on the right. */
const DELAYS_WIDTH = 52
const PADDING = 20

function plotOptions(
  box: HTMLElement,
  latest: () => Shown,
  { t, format }: Pick<Words, 't' | 'format'>,
): uPlot.Options {
  const colour = (variable: string) => resolveColour(box, variable)
  const lengthMs = () => latest().lengthMs
  const failing = colour('--failing')
  const axis = {
    stroke: colour('--quiet'),
    font: '11px system-ui',
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  }
  const ago = (seconds: number) => {
    if (seconds === 0) return t('window.time.nowShort')
    // Labels at the left end would overlap those of the other axis.
    if (-seconds * 1_000 > 0.92 * lengthMs()) return ''
    return t('window.time.ago', { duration: format.duration(-seconds * 1_000) })
  }
  return {
    width: box.clientWidth,
    height,
    padding: [8, PADDING, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    hooks: { drawClear: [(plot) => drawFailures(plot, latest(), failing)] },
    scales: {
      x: { time: false, range: () => [-lengthMs() / 1_000, 0] },
      y: { range: (_plot, _min, max) => [0, Math.max(5, (max ?? 0) * 1.15)] },
    },
    axes: [
      {
        ...axis,
        size: 24,
        splits: (plot) => axisMarks(lengthMs(), plot.width - DELAYS_WIDTH - PADDING),
        values: (_plot, splits) => splits.map(ago),
      },
      { ...axis, size: DELAYS_WIDTH, values: (_plot, splits) => splits.map((delay) => format.delay(delay)) },
    ],
    series: [
      {},
      { stroke: colour('--ok'), width: 1.6, points: { show: false } },
      { stroke: colour('--quiet'), width: 0.8, alpha: 0.7, points: { show: false } },
      { stroke: failing, paths: () => null, points: { show: true, size: 7, width: 2 } },
    ],
  }
}
