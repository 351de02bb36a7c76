import { UnstyledButton } from '@mantine/core'
import { type HTMLAttributes, type ReactNode, useState } from 'react'

interface ThingRowProps extends HTMLAttributes<HTMLElement> {
  name: string
  /** The name as the line shows it; default: cut at its end. */
  shownName?: ReactNode
  /** The shape of its state. */
  mark: ReactNode
  /** Colours the clause. */
  level: string
  /** Says what is wrong, else what came last. */
  clause: ReactNode
  /** The clause in full, for a pointer that rests on it. */
  clauseTitle?: string
  figure: ReactNode
  figureTitle?: string
  menu?: ReactNode
  /** Opens the details by themselves, once for each value other than false. */
  opens?: boolean | object
  /** The details. */
  children: ReactNode
}

/**
 * Shows a thing in a line that is always 36 pixels high, whatever there is to be shown: shape, name, clause and figure. A
 * press opens its details below.
 */
export function ThingRow(props: ThingRowProps) {
  const { name, shownName = name, mark, level, clause, clauseTitle, ...others } = props
  const { figure, figureTitle, menu, opens = false, children, ...rest } = others
  const [{ isOpen, asked }, setOpen] = useState({ isOpen: opens !== false, asked: opens })
  // Details never close by themselves: a failure may be over while somebody reads about it.
  if (asked !== opens) setOpen({ isOpen: isOpen || opens !== false, asked: opens })
  return (
    <article className="thing" aria-label={name} data-level={level} {...rest}>
      <UnstyledButton
        className="thing-open"
        aria-expanded={isOpen}
        onClick={() => setOpen({ isOpen: !isOpen, asked })}
      >
        {mark}
        <span className="thing-name clip" title={name}>
          {shownName}
        </span>
        <span className="thing-clause clip" data-level={level} title={clauseTitle}>
          {clause}
        </span>
        <span className="thing-figure figures clip" title={figureTitle}>
          {figure}
        </span>
      </UnstyledButton>
      {menu}
      {isOpen && <div className="thing-details">{children}</div>}
    </article>
  )
}
