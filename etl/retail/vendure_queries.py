"""What is asked of Vendure's Admin API. No query asks for a customer."""

from __future__ import annotations

__all__ = ["CHANNELS", "LISTINGS", "ORDERS", "TIME_ZONES"]

CHANNELS = """
query Channels {
  channels(options: { take: 1000 }) {
    items {
      id
      code
      token
      defaultCurrencyCode
      seller { name }
      defaultShippingZone { members { code } }
    }
  }
}
"""

TIME_ZONES = """
query TimeZones {
  channels(options: { take: 1000 }) { items { id customFields { timeZone } } }
}
"""

ORDERS = """
query Orders($options: OrderListOptions!) {
  activeChannel { code }
  globalSettings { serverConfig { moneyStrategyPrecision } }
  orders(options: $options) {
    items {
      id
      code
      type
      state
      createdAt
      updatedAt
      orderPlacedAt
      currencyCode
      channels { code }
      lines {
        id
        quantity
        orderPlacedQuantity
        proratedUnitPrice
        productVariant { id sku name }
      }
      payments { refunds { state lines { orderLineId quantity } } }
    }
    totalItems
  }
}
"""

LISTINGS = """
query Listings($options: ProductVariantListOptions!) {
  globalSettings { trackInventory serverConfig { moneyStrategyPrecision } }
  productVariants(options: $options) {
    items {
      id
      sku
      name
      enabled
      price
      currencyCode
      createdAt
      trackInventory
      stockLevels { stockOnHand stockAllocated }
      product { enabled collections { name } }
    }
    totalItems
  }
}
"""
