import { IconCheck } from '../../ui/icons.ts'

export interface DoneLine {
  id: string
  text: string
  about: string
}

/** What a step has set so far. */
export function DoneList({ lines }: { lines: readonly DoneLine[] }) {
  if (lines.length === 0) return null
  return (
    <ul className="card done-list">
      {lines.map(({ id, text, about }) => (
        <li key={id}>
          <IconCheck size={16} aria-hidden="true" />
          <span className="row-words">
            <span className="breakable">{text}</span>
            <span className="dimmed breakable">{about}</span>
          </span>
        </li>
      ))}
    </ul>
  )
}
