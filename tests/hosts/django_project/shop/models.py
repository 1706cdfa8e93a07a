"""Members who log in by their e-mail, and the table whose rows get a prediction."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class MemberManager(BaseUserManager):
    def create_user(self, email, password=None, **rest):
        member = self.model(email=self.normalize_email(email), **rest)
        member.set_password(password)
        member.save(using=self._db)
        return member

    def create_superuser(self, email, password=None, **rest):
        return self.create_user(email, password, is_superuser=True, is_staff=True, **rest)


class Member(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(unique=True)
    nickname = models.CharField(max_length=80, blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    objects = MemberManager()
    USERNAME_FIELD = "email"

    def get_short_name(self):
        return self.nickname


class Customer(models.Model):
    """Someone who asks for a loan; the last fields are filled in by the model."""

    name = models.CharField(max_length=80)
    age = models.IntegerField()
    income = models.DecimalField(max_digits=9, decimal_places=2, null=True, blank=True)
    is_member = models.BooleanField(default=False)
    plan = models.CharField(max_length=10)
    note = models.TextField(blank=True)
    since = models.DateField()
    granted = models.CharField(max_length=10, blank=True, editable=False)
    chance = models.FloatField(null=True, editable=False)
    prediction_id = models.CharField(max_length=32, blank=True, editable=False)

    def __str__(self):
        return self.name
