import { splitMiddle } from '../format/path.ts'

interface MiddleTextProps {
  text: string
  className?: string
}

/** A name in one line: where room is short it is cut in its middle, as its end tells it from its neighbours. */
export function MiddleText({ text, className = '' }: MiddleTextProps) {
  const { start, end } = splitMiddle(text)
  return (
    <span className={`middle ${className}`}>
      {start !== '' && <span className="clip">{start}</span>}
      <span className="middle-end">{end}</span>
    </span>
  )
}
