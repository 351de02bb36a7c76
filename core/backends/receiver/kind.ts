import { formatAddress } from '../../lib/i18n/formats.ts'
import { defineKind, host, port } from '../fields.ts'

/** A receiver on another computer, identified by the fingerprint of its certificate wherever it is. */
export const receiver = defineKind({
  fields: [
    { ...host, role: 'option', placeholder: '192.168.1.20' },
    { ...port, role: 'option' },
    { name: 'fingerprint', role: 'place', type: 'digest', isPresented: true },
  ],
  encrypts: false,
  usualGib: 10,
  getServer: ({ host, port }) => ({ host, port }),
  formatLocation: ({ host, port }) => formatAddress(host, port),
  suggestName: ({ host = '' }) => host,
})
