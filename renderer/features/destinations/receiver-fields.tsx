import { readAddress } from './draft.ts'
import { AddressFields, type FieldsProps } from './fields.tsx'
import type { KindForm } from './forms.ts'

const ReceiverFields = (props: FieldsProps) => <AddressFields {...props} placeholder="192.168.1.20" />

/** A receiver is added by pairing; the form only edits it. */
export const receiverForm: KindForm<'receiver'> = {
  Fields: ReceiverFields,
  toDraft: ({ host, port, fingerprint }) => ({ host, port: String(port), fingerprint }),
  read: (draft, refuse) => ({ ...readAddress(draft, refuse), fingerprint: draft.fingerprint }),
  getName: ({ host }) => host.trim(),
}
