"""What is asked of Shopify's GraphQL Admin API. No query asks for a customer."""

from __future__ import annotations

__all__ = ["LISTINGS", "MORE_LINES", "ORDERS", "SCOPES", "SHOP", "VERSION"]

VERSION = "2026-10"
"""The version of the Admin API that these queries are written for; each is served for a year."""

SHOP = """
query Shop {
  shop {
    name
    myshopifyDomain
    currencyCode
    ianaTimezone
    shopAddress { countryCodeV2 provinceCode }
  }
}
"""

SCOPES = """
query Scopes {
  currentAppInstallation { accessScopes { handle } }
}
"""

_LINES = """
    nodes {
      id
      name
      sku
      isGiftCard
      quantity
      currentQuantity
      variant { id }
      discountedUnitPriceAfterAllDiscountsSet { shopMoney { amount currencyCode } }
      taxLines { priceSet { shopMoney { amount } } }
    }
    pageInfo { hasNextPage endCursor }
"""

ORDERS = f"""
query Orders($first: Int!, $after: String, $search: String!, $sortKey: OrderSortKeys!, $lines: Int!) {{
  shop {{ myshopifyDomain }}
  orders(first: $first, after: $after, query: $search, sortKey: $sortKey) {{
    nodes {{
      id
      name
      test
      createdAt
      processedAt
      updatedAt
      cancelledAt
      displayFinancialStatus
      taxesIncluded
      lineItems(first: $lines) {{ {_LINES} }}
    }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""  # noqa: E501 (a query reads best as it is)

MORE_LINES = f"""
query MoreLines($id: ID!, $first: Int!, $after: String) {{
  order(id: $id) {{ lineItems(first: $first, after: $after) {{ {_LINES} }} }}
}}
"""

LISTINGS = """
query Listings($first: Int!, $after: String) {
  shop { currencyCode }
  productVariants(first: $first, after: $after) {
    nodes {
      id
      sku
      displayName
      price
      createdAt
      inventoryQuantity
      inventoryItem { tracked }
      product { status isGiftCard productType category { name } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
