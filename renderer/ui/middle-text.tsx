import { splitMiddle } from '../format/path.ts'

interface MiddleTextProps {
  text: string
  className?: string
}

/** Shows a name in one line, cut in its middle if necessary: its end distinguishes it from similar names. */
export function MiddleText({ text, className = '' }: MiddleTextProps) {
  const { start, end } = splitMiddle(text)
  return (
    <span className={`middle ${className}`}>
      {start !== '' && <span className="clip">{start}</span>}
      <span className="middle-end">{end}</span>
    </span>
  )
}
